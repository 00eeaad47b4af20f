package project

import (
	"fmt"
	"regexp"
	"time"
)

// Hours are a part of every day, by the clocks of a place: "20:00-07:00 Europe/Berlin".
type Hours struct {
	from, until clock
	place       *time.Location
}

// clock is a time of day.
type clock struct{ hour, minute int }

// hoursText is how Hours are written.
var hoursText = regexp.MustCompile(`^([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9]) ([A-Za-z][A-Za-z0-9_+/-]*)$`)

// ParseHours reads hours. The place is a name of the time zone database, or UTC.
func ParseHours(text string) (Hours, error) {
	found := hoursText.FindStringSubmatch(text)
	if found == nil {
		return Hours{}, fmt.Errorf("%.80q is no part of a day; write it like 20:00-07:00 Europe/Berlin", text)
	}
	if found[5] == "Local" {
		return Hours{}, fmt.Errorf("no place is called Local; name a time zone such as Europe/Berlin")
	}
	place, err := time.LoadLocation(found[5])
	if err != nil {
		return Hours{}, fmt.Errorf("there is no time zone %.60q; name one such as Europe/Berlin, or UTC", found[5])
	}
	h := Hours{from: clockOf(found[1], found[2]), until: clockOf(found[3], found[4]), place: place}
	if h.from == h.until {
		return Hours{}, fmt.Errorf("%.80q begins when it ends; let the two differ", text)
	}
	return h, nil
}

func clockOf(hour, minute string) clock {
	number := func(two string) int { return int(two[0]-'0')*10 + int(two[1]-'0') }
	return clock{number(hour), number(minute)}
}

// Around returns when the hours last began and last ended, at or before a time, and
// when they begin or end next. The clocks of the place decide, also on the days on
// which they are set: what they skip is when they were set.
func (h Hours) Around(now time.Time) (began, ended, next time.Time) {
	began, afterBegin := h.from.around(now, h.place)
	ended, afterEnd := h.until.around(now, h.place)
	if next = afterBegin; afterEnd.Before(afterBegin) {
		next = afterEnd
	}
	return began, ended, next
}

// around returns when a clock showed a time last, at or before now, and when it does
// next.
func (c clock) around(now time.Time, place *time.Location) (last, next time.Time) {
	year, month, day := now.In(place).Date()
	for _, offset := range []int{-2, -1, 0, 1, 2} {
		at := c.on(year, month, day+offset, place)
		if at.After(now) {
			return last, at
		}
		last = at
	}
	return last, last // a day is never three days long
}

// on returns when a clock shows a time on a day. A time that the clocks skip is taken
// to be when they are set; of a time that comes twice, it is the first.
func (c clock) on(year int, month time.Month, day int, place *time.Location) time.Time {
	at := time.Date(year, month, day, c.hour, c.minute, 0, 0, place)
	if at.Hour() != c.hour || at.Minute() != c.minute {
		return firstAfterGap(at, place)
	}
	if earlier := at.Add(-time.Hour); earlier.Hour() == c.hour && earlier.Minute() == c.minute {
		return earlier
	}
	return at
}

// firstAfterGap returns when the clocks were set, of a time that lies an hour or two
// around it.
func firstAfterGap(at time.Time, place *time.Location) time.Time {
	_, offset := at.Add(3 * time.Hour).In(place).Zone()
	low, high := at.Add(-3*time.Hour), at.Add(3*time.Hour)
	for high.Sub(low) > time.Second {
		middle := low.Add(high.Sub(low) / 2)
		if _, there := middle.In(place).Zone(); there == offset {
			high = middle
		} else {
			low = middle
		}
	}
	return high.Truncate(time.Second)
}
