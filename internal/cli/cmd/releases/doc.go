// Package releases holds the commands that show the releases of a stage: list,
// show, diff and logs. It must not change anything.
package releases
