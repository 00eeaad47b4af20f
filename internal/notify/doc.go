// Package notify sends what room report says to where people look: commit
// statuses, deployments, checks and comments at the forge.
//
// It must not know when something is worth a report, or what it says.
package notify
