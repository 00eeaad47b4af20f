package helm

import (
	"fmt"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// htmlLayout is how HTML writes a date.
const htmlLayout = "2006-01-02"

// dates are Sprig's functions for dates, in UTC. Sprig's take the present time
// for whatever they can't read, and the machine's time zone where none is named.
func dates() template.FuncMap {
	in := func(layout string, date any, zone string) (string, error) { return formatDate(layout, date, zone) }
	return template.FuncMap{
		"date":           func(layout string, date any) (string, error) { return formatDate(layout, date, "UTC") },
		"dateInZone":     in,
		"date_in_zone":   in,
		"htmlDate":       func(date any) (string, error) { return formatDate(htmlLayout, date, "UTC") },
		"htmlDateInZone": func(date any, zone string) (string, error) { return formatDate(htmlLayout, date, zone) },
		"toDate": func(layout, text string) time.Time {
			at, _ := time.ParseInLocation(layout, text, time.UTC) //nolint:errcheck // as Sprig's: the zero time
			return at
		},
		"mustToDate":    func(layout, text string) (time.Time, error) { return time.ParseInLocation(layout, text, time.UTC) },
		"durationRound": roundDuration,
	}
}

// formatDate formats a time, or seconds since 1970. Which zones there are, and when
// their clocks change, differs between machines.
func formatDate(layout string, date any, zone string) (string, error) {
	if zone != "UTC" && zone != "" {
		return "", fmt.Errorf("the time zone %q is not known alike on every machine; use UTC, or write the date as it shall be", zone)
	}
	var at time.Time
	switch date := date.(type) {
	case time.Time:
		at = date
	case *time.Time:
		at = *date
	case int64:
		at = time.Unix(date, 0)
	case int:
		at = time.Unix(int64(date), 0)
	case int32:
		at = time.Unix(int64(date), 0)
	default:
		return "", fmt.Errorf("%T is no date, for which Helm takes the present time, so the same commit would not render alike; give seconds since 1970 as an integer, or use toDate", date)
	}
	return at.UTC().Format(layout), nil
}

// roundDuration is Sprig's durationRound for what is a duration. Of a time it gives
// how long ago that is.
func roundDuration(duration any) (string, error) {
	switch duration.(type) {
	case time.Time, *time.Time:
		return "", fmt.Errorf("durationRound of a time is how long ago it was, so the same commit would not render alike; give a duration")
	}
	round, ok := sprig.TxtFuncMap()["durationRound"].(func(any) string)
	if !ok {
		return "", fmt.Errorf("durationRound is not known any more")
	}
	return round(duration), nil
}
