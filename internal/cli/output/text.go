package output

import (
	"fmt"
	"strings"
)

// Join joins named strings.
func Join[T ~string](parts []T, separator string) string {
	var text []string
	for _, part := range parts {
		text = append(text, string(part))
	}
	return strings.Join(text, separator)
}

// YesNo returns yes or no.
func YesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// Count returns "1 stage", "2 stages".
func Count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
