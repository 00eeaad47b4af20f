package check

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// cronField is one of the five fields of a schedule.
type cronField struct {
	name        string
	least, most int
	words       []string // names for least, least+1, …
}

func cronFields() []cronField {
	return []cronField{
		{name: "minute", least: 0, most: 59},
		{name: "hour", least: 0, most: 23},
		{name: "day of the month", least: 1, most: 31},
		{name: "month", least: 1, most: 12, words: strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")},
		{name: "day of the week", least: 0, most: 6, words: strings.Fields("sun mon tue wed thu fri sat")},
	}
}

// checkCron checks a schedule whose five fields have the right characters
// against what Kubernetes accepts.
func checkCron(s string) error {
	for i, text := range strings.Fields(s) {
		f := cronFields()[i]
		for item := range strings.SplitSeq(text, ",") {
			if err := f.item(item); err != nil {
				return fmt.Errorf("the %s %q %w", f.name, text, err)
			}
		}
	}
	return nil
}

// item checks *, 5, 1-5, */10 or 0-30/5.
func (f cronField) item(item string) error {
	span, step, stepped := strings.Cut(item, "/")
	if stepped {
		if n, err := strconv.Atoi(step); err != nil || n < 1 || n > f.most {
			return fmt.Errorf("has a step that is not between 1 and %d", f.most)
		}
	}
	if span == "*" {
		return nil
	}
	first, last, ranged := strings.Cut(span, "-")
	low, ok := f.number(first)
	if !ok {
		return fmt.Errorf("is not between %d and %d", f.least, f.most)
	}
	if !ranged {
		return nil
	}
	high, ok := f.number(last)
	switch {
	case !ok:
		return fmt.Errorf("is not between %d and %d", f.least, f.most)
	case high < low:
		return errors.New("has a range that ends before it begins")
	}
	return nil
}

func (f cronField) number(s string) (int, bool) {
	for i, word := range f.words {
		if strings.EqualFold(s, word) {
			return f.least + i, true
		}
	}
	n, err := strconv.Atoi(s)
	return n, err == nil && s[0] != '-' && f.least <= n && n <= f.most
}
