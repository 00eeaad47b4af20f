// Package file holds the commands about slipway.yaml: validate it, print its
// schema, explain where values come from and tell who may do what. Of the control
// cluster it asks only whose account at the forge a login is. It renders nothing.
package file
