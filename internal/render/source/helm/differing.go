package helm

import (
	"fmt"
	"slices"
	"text/template"
	"time"

	"github.com/Masterminds/sprig/v3"
)

// htmlLayout is how HTML writes a date.
const htmlLayout = "2006-01-02"

// certificate is what templates get from Sprig's functions for certificates.
type certificate struct{ Cert, Key string }

// timely are the functions whose result differs with the time, the machine or the
// network, which can't be derived from anything: a certificate has a date. What
// they give may be used, but must reach no object.
func (g *generator) timely() template.FuncMap {
	functions := template.FuncMap{
		"now":            g.now,
		"ago":            func(any) string { return g.differ("ago") },
		"date":           func(layout string, date any) (string, error) { return g.formatDate(layout, date, "UTC") },
		"dateInZone":     g.formatDate,
		"date_in_zone":   g.formatDate,
		"htmlDate":       func(date any) (string, error) { return g.formatDate(htmlLayout, date, "UTC") },
		"htmlDateInZone": func(date any, zone string) (string, error) { return g.formatDate(htmlLayout, date, zone) },
		"durationRound":  g.roundDuration,
		"toDate": func(layout, text string) time.Time {
			at, _ := time.ParseInLocation(layout, text, time.UTC) // as Sprig's: the zero time
			return at
		},
		"mustToDate": func(layout, text string) (time.Time, error) { return time.ParseInLocation(layout, text, time.UTC) },
	}
	for _, name := range []string{"bcrypt", "encryptAES", "genPrivateKey", "getHostByName", "htpasswd"} {
		functions[name] = func(...any) string { return g.differ(name) }
	}
	for _, name := range []string{"genCA", "genCAWithKey", "genSelfSignedCert", "genSelfSignedCertWithKey", "genSignedCert", "genSignedCertWithKey"} {
		functions[name] = func(...any) certificate { return certificate{Cert: g.differ(name), Key: g.differ(name)} }
	}
	return functions
}

// differ notes that a function was called, and returns a text that stands for its
// result.
func (g *generator) differ(function string) string {
	if !slices.Contains(g.differing, function) {
		g.differing = append(g.differing, function)
	}
	if g.later {
		return function + " another time"
	}
	return function + " at one time"
}

// now returns a time of which every part differs from that of the other time.
func (g *generator) now() time.Time {
	g.differ("now")
	if g.later {
		return time.Date(2031, time.November, 23, 17, 47, 38, 987654321, time.UTC)
	}
	return time.Date(2002, time.March, 4, 5, 6, 7, 123456789, time.UTC)
}

// formatDate formats a time, or seconds since 1970, in UTC; like Sprig's it takes
// the present time for anything else. Which zones there are, and when their
// clocks change, differs between machines.
func (g *generator) formatDate(layout string, date any, zone string) (string, error) {
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
		at = g.now()
	}
	return at.UTC().Format(layout), nil
}

// roundDuration is Sprig's durationRound. Of a time it gives how long ago that is.
func (g *generator) roundDuration(duration any) (string, error) {
	switch duration.(type) {
	case time.Time, *time.Time:
		return g.differ("durationRound"), nil
	}
	round, ok := sprig.TxtFuncMap()["durationRound"].(func(any) string)
	if !ok {
		return "", fmt.Errorf("durationRound is not known any more")
	}
	return round(duration), nil
}
