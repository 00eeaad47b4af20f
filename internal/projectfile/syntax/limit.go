package syntax

// Limits of a project file; doc.go's table and its test follow them.
const (
	MaxBytes    = 256 << 10
	MaxLine     = 64 << 10 // bytes of one line
	MaxTokens   = 20_000   // YAML tokens before aliases are expanded
	MaxNodes    = 20_000   // values after aliases are expanded
	MaxDepth    = 32       // maps and lists inside each other
	MaxKey      = 1024     // bytes of a key
	MaxAliases  = 100      // uses of aliases
	MaxProblems = 50       // problems reported at once

)
