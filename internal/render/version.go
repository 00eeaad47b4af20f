package render

// Version is raised whenever equal requests and files are rendered differently
// than before: manifests that were rendered by another version are not taken for
// what this one would render. A test compares it with the goldens.
const Version = "1"
