package assemble

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
)

// owner is a user and a group by number.
type owner struct{ uid, gid int }

// ownerOf returns whom a word such as 1000, 1000:1000, app or app:staff means, as COPY
// --chown and USER have it. Names are looked up in the base image; it fails when one
// isn't there, or builders don't agree on its group.
func (f *filesystem) ownerOf(word string) (owner, bool) {
	user, group, hasGroup := strings.Cut(word, ":")
	uid, isNumber := number(user)
	gid := uid // as the reference of Dockerfiles says
	if !isNumber {
		var found bool
		if uid, gid, found = f.user(user); !found {
			return owner{}, false
		}
		if !hasGroup && uid != gid {
			return owner{}, false // the reference says the one, builders do the other
		}
	}
	if hasGroup {
		var found bool
		if gid, found = f.groupID(group); !found {
			return owner{}, false
		}
	}
	return owner{uid, gid}, true
}

// number returns the value of a word of digits.
func number(word string) (int, bool) {
	value, err := strconv.ParseUint(word, 10, 31)
	return int(value), err == nil
}

// user looks up a name in /etc/passwd: name:x:uid:gid:…
func (f *filesystem) user(name string) (uid, gid int, found bool) {
	fields := f.account("etc/passwd", f.base.passwd, name)
	if len(fields) < 4 {
		return 0, 0, false
	}
	uid, isUser := number(fields[2])
	gid, isGroup := number(fields[3])
	return uid, gid, isUser && isGroup
}

// groupID returns the number of a group; a name is looked up in /etc/group: name:x:gid:…
func (f *filesystem) groupID(word string) (int, bool) {
	if gid, is := number(word); is {
		return gid, true
	}
	fields := f.account("etc/group", f.base.group, word)
	if len(fields) < 3 {
		return 0, false
	}
	return number(fields[2])
}

// account returns the fields of the first line of a file that begins with a name, nil
// for none. Files that instructions replaced are not looked at.
func (f *filesystem) account(file string, content []byte, name string) []string {
	if _, replaced := f.added[file]; replaced || name == "" {
		return nil
	}
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); fields[0] == name {
			return fields
		}
	}
	return nil
}
