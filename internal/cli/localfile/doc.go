// Package localfile reads small files and writes new ones, and overwrites
// nothing. It must not know what they hold.
package localfile
