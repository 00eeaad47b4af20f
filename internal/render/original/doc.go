// Package original says what the programs that people know make of a directory:
// kustomize build, and helm template with the chart's own values. What Slipway
// makes is compared with it.
//
// It must not know of Slipway's own rendering. It reads files of the machine and
// confines nothing, so it is for tools and tests only.
package original
