package project

// Person returns the member that a Kubernetes user is: the one whose user or
// e-mail address is the user's name, letter by letter, and of several the one
// with the highest role. A Kubernetes user's name says nothing of groups at the
// forge, so members that are groups are never found.
func (f *File) Person(username string) (Member, bool) {
	var best Member
	for _, m := range f.Members {
		if !IsName(m.User) || !IsName(username) || m.User != username && m.Email != username {
			continue
		}
		if m.Role.rank() > best.Role.rank() {
			best = m
		}
	}
	return best, best.User != ""
}

// Login returns the member that a login at the forge is; groups are never found.
func (f *File) Login(login string) (Member, bool) {
	var best Member
	for _, m := range f.Members {
		if m.User != "" && m.matches(Actor{Login: login}) && m.Role.rank() > best.Role.rank() {
			best = m
		}
	}
	return best, best.User != ""
}
