package cli

import (
	"fmt"
	"strings"
)

// join joins named strings.
func join[T ~string](parts []T, separator string) string {
	var text []string
	for _, part := range parts {
		text = append(text, string(part))
	}
	return strings.Join(text, separator)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// count returns "1 stage", "2 stages".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
