// Package manifest is the one reader of objects and YAML within bounds. Split
// cuts a stream into documents, Nodes parses what people wrote without ever
// expanding its aliases, and Read returns one rendered document as JSON and
// fields, understood as the API server understands it.
//
// It must not know what a document may say, nor where it comes from: errors
// read behind the caller's words for that.
package manifest
