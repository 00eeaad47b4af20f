package gate

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-dev/slipway/internal/entrance"
)

// Names of the cookie that a browser keeps a share in. The first is for HTTPS only.
const (
	secureCookie = "__Host-slipway-gate"
	plainCookie  = "slipway-gate"
)

// admit reports whether a request may pass the wall of a preview. One that may not is
// answered, and so is a browser's that brings a share for the first time: it keeps it,
// and asks again without it. What is for the gate alone is taken out of the request.
func (g *Gate) admit(w http.ResponseWriter, r *http.Request, seen *view) bool {
	fromLink := takeParameter(r)
	shares := append([]string{fromLink, r.Header.Get(entrance.BypassHeader)}, takeCookies(r)...)
	r.Header.Del(entrance.BypassHeader)
	cleanReferer(r)
	if seen.Wall == nil {
		return true
	}
	now := g.Now()
	for _, share := range shares {
		until, ok := seen.Wall.Admits(share, now)
		switch {
		case !ok:
		case share == fromLink && isBrowser(r):
			keep(w, r, share, until.Sub(now))
			return false
		default:
			return true
		}
	}
	g.refuse(w, r, seen)
	return false
}

// takeParameter takes the share out of a request's address, and returns it.
func takeParameter(r *http.Request) (share string) {
	r.URL.RawQuery, share = withoutShare(r.URL.RawQuery)
	return share
}

// cleanReferer takes the share out of the address of the page that a request comes from.
func cleanReferer(r *http.Request) {
	page, from, asks := strings.Cut(r.Referer(), "?")
	if rest, share := withoutShare(from); asks && share != "" {
		r.Header.Set("Referer", page+query(rest))
	}
}

// withoutShare parts a query from the share in it. The rest stays letter by letter.
func withoutShare(from string) (kept, share string) {
	var rest []string
	for part := range strings.SplitSeq(from, "&") {
		name, value, _ := strings.Cut(part, "=")
		if name == entrance.ShareParameter {
			share, _ = url.QueryUnescape(value) // what can't be read admits nobody
			continue
		}
		rest = append(rest, part)
	}
	return strings.Join(rest, "&"), share
}

// takeCookies takes the gate's cookies out of a request, and returns what they hold. The
// others stay letter by letter.
func takeCookies(r *http.Request) (shares []string) {
	var lines []string
	for _, line := range r.Header.Values("Cookie") {
		var rest []string
		for part := range strings.SplitSeq(line, ";") {
			name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
			if name == secureCookie || name == plainCookie {
				shares = append(shares, value)
				continue
			}
			rest = append(rest, part)
		}
		if kept := strings.TrimSpace(strings.Join(rest, ";")); kept != "" {
			lines = append(lines, kept)
		}
	}
	if r.Header.Del("Cookie"); len(lines) > 0 {
		r.Header["Cookie"] = lines
	}
	return shares
}

// keep has a browser keep a share, and ask again without it in the address.
func keep(w http.ResponseWriter, r *http.Request, share string, life time.Duration) {
	cookie := &http.Cookie{Name: plainCookie, Value: share, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if r.Header.Get("X-Forwarded-Proto") == "https" || r.TLS != nil {
		cookie.Name, cookie.Secure = secureCookie, true
	}
	http.SetCookie(w, cookie)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	to := url.URL{Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	w.Header().Set("Location", "./"+lastElement(to.EscapedPath())+query(to.RawQuery))
	w.WriteHeader(http.StatusSeeOther)
}

// lastElement returns what follows the last slash of a path: a browser takes an address
// relative to the one that it asked for, so that no path can lead it to another host.
func lastElement(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

func query(raw string) string {
	if raw == "" {
		return ""
	}
	return "?" + raw
}

// refuse answers a request that may not pass.
func (g *Gate) refuse(w http.ResponseWriter, r *http.Request, seen *view) {
	if isBrowser(r) {
		g.page.serve(w, shown{
			Project: seen.Project, Stage: seen.Stage, Title: "is shown to who has its link",
			Message: "The comment under the pull request has the link, and so has `slipway previews " + seen.Project + "`. Links end some days after they were made.",
		}, http.StatusForbidden)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "This preview is shown to who has its link: send what follows "+entrance.ShareParameter+"= in the header "+entrance.BypassHeader+".", http.StatusForbidden)
}
