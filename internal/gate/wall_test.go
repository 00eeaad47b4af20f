package gate

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/entrance"
)

// walled is a gate in front of a preview that takes a link to see, and a share of it.
func walled(t *testing.T) (f *fixture, share string) {
	t.Helper()
	f = newFixture(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "%s %q %q%s", r.URL.RequestURI(), r.Header.Values("Cookie"), r.Header.Get(entrance.BypassHeader), r.Referer())
	})
	f.front.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	key := entrance.NewKey([]byte("a secret"))
	f.is(entrance.Awake, func(e *entrance.Entrance) { e.Wall = entrance.NewWall(key, "uid-7") })
	return f, entrance.Share(key, "uid-7", time.Now().Add(time.Hour))
}

// Who has no share sees nothing, wakes nothing, and is told where links are.
func TestWallRefuses(t *testing.T) {
	f, share := walled(t)
	for what, r := range map[string]*http.Request{
		"nothing":          f.request(t, http.MethodGet, "/", nil),
		"a browser":        f.request(t, http.MethodGet, "/", nil, browser()...),
		"a bad link":       f.request(t, http.MethodGet, "/?slipway-share=1.x", nil, browser()...),
		"a bad cookie":     f.request(t, http.MethodGet, "/", nil, "Cookie", "slipway-gate=1.x"),
		"a bad header":     f.request(t, http.MethodGet, "/", nil, entrance.BypassHeader, share+"x"),
		"another name":     f.request(t, http.MethodGet, "/?share="+share, nil, "Cookie", "gate="+share),
		"an icon":          f.request(t, http.MethodGet, "/favicon.ico", nil),
		"a cross-site one": f.request(t, http.MethodOptions, "/", nil, "Origin", "https://other.example"),
	} {
		answer, body := f.do(t, r)
		if answer.StatusCode != http.StatusForbidden || !strings.Contains(body, "link") || answer.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s", what, answer.StatusCode, body)
		}
	}
	if due := f.clock.due(time.Now()); len(due) > 0 {
		t.Errorf("visits %+v", due)
	}
	if answer, body := f.do(t, f.request(t, http.MethodGet, "/robots.txt", nil)); answer.StatusCode != 200 || !strings.Contains(body, "Disallow: /") {
		t.Errorf("robots.txt: %d %s", answer.StatusCode, body)
	}
}

// A share lets in by header, by parameter or by cookie, and does not reach the pods.
func TestWallAdmits(t *testing.T) {
	f, share := walled(t)
	for what, tt := range map[string]struct {
		r    *http.Request
		want string
	}{
		"a header":              {f.request(t, http.MethodGet, "/a?b=1", nil, entrance.BypassHeader, share), `/a?b=1 [] ""`},
		"a parameter":           {f.request(t, http.MethodGet, "/a?b=%2f&slipway-share="+share+"&c", nil), `/a?b=%2f&c [] ""`},
		"a cookie among others": {f.request(t, http.MethodGet, "/a", nil, "Cookie", "a=1; slipway-gate="+share+"; b=2"), `/a ["a=1; b=2"] ""`},
		"the cookie of HTTPS":   {f.request(t, http.MethodGet, "/a", nil, append(browser(), "Cookie", "__Host-slipway-gate="+share)...), `/a [] ""`},
		"an old link, a cookie": {f.request(t, http.MethodGet, "/a?slipway-share=1.x", nil, append(browser(), "Cookie", "slipway-gate="+share)...), `/a [] ""`},
	} {
		if answer, body := f.do(t, tt.r); answer.StatusCode != http.StatusOK || body != tt.want {
			t.Errorf("%s: %d %s, want %s", what, answer.StatusCode, body, tt.want)
		}
	}
}

// A browser that opens a link keeps the share, and comes back without it.
func TestLinks(t *testing.T) {
	f, share := walled(t)
	for path, to := range map[string]string{
		"/": "./", "/a/b?c=1": "./b?c=1", "//evil.example/x": "./x", "/a:b": "./a:b", "/a%2Fb": "./a%2Fb", "/a/": "./",
	} {
		link := path + map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + "slipway-share=" + share
		answer, _ := f.do(t, f.request(t, http.MethodGet, link, nil, append(browser(), "X-Forwarded-Proto", "https")...))
		cookie := answer.Header.Get("Set-Cookie")
		if answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != to || !strings.HasPrefix(cookie, "__Host-slipway-gate="+share+"; Path=/; Max-Age=3") ||
			!strings.HasSuffix(cookie, "; HttpOnly; Secure; SameSite=Lax") {
			t.Errorf("%s: %d to %q with %q", path, answer.StatusCode, answer.Header.Get("Location"), cookie)
		}
	}
	answer, _ := f.do(t, f.request(t, http.MethodGet, "/?slipway-share="+share, nil, browser()...))
	if cookie := answer.Header.Get("Set-Cookie"); !strings.HasPrefix(cookie, "slipway-gate=") || strings.Contains(cookie, "Secure") {
		t.Errorf("without HTTPS: %q", cookie)
	}
}

// Without a wall, what is for the gate reaches no pods either.
func TestNoWall(t *testing.T) {
	f, share := walled(t)
	f.is(entrance.Awake, nil)
	r := f.request(t, http.MethodGet, "/?slipway-share="+share, nil, append(browser(), "Cookie", "slipway-gate="+share, entrance.BypassHeader, share)...)
	if answer, body := f.do(t, r); answer.StatusCode != http.StatusOK || body != `/ [] ""` {
		t.Errorf("%d %s", answer.StatusCode, body)
	}
	for page, want := range map[string]string{"/a?slipway-share=" + share: "/a", "/a?b=%2f&slipway-share=" + share + "&c": "/a?b=%2f&c", "/a?": "/a?", "/?q=1;2": "/?q=1;2"} {
		r := f.request(t, http.MethodGet, "/", nil, "Referer", "https://"+host+page)
		if answer, body := f.do(t, r); answer.StatusCode != http.StatusOK || body != `/ [] ""https://`+host+want {
			t.Errorf("from %s: %d %s", page, answer.StatusCode, body)
		}
	}
}
