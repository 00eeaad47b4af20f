// Package seal encrypts the secret values in project files. Every
// project has an identity of its own, so that what was sealed for one project
// opens for no other; anybody may seal for its recipient, and only the server
// opens.
//
// The format is age's (X25519), in base64 on one line or in age's own armor,
// so that the age program makes values as well. The room does no I/O and must
// not know where identities and values are kept. No error of it holds a
// value.
package seal
