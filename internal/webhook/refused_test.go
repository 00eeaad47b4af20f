package webhook_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/scm"
	"github.com/slipway-dev/slipway/internal/scm/github"
	"github.com/slipway-dev/slipway/internal/webhook"
)

// body returns a push's delivery with a body of the test's own, rightly
// signed.
func body(text string) *delivery { return newDelivery("push", text) }

func signature(values ...string) *delivery { return newPush().set("X-Hub-Signature-256", values...) }

func method(name string) *delivery {
	d := newPush()
	d.method = name
	return d
}

func sha1Of(body []byte) string {
	mac := hmac.New(sha1.New, []byte(secret))
	mac.Write(body)
	return "sha1=" + hex.EncodeToString(mac.Sum(nil))
}

// changed is a push whose body isn't the one that was signed.
func changed(change func([]byte) []byte) *delivery {
	d := newPush()
	d.body = change(bytes.Clone(d.body))
	return d
}

// refused are requests that must leave nothing behind, with their status.
func refused() map[string]struct {
	delivery *delivery
	status   int
} {
	right := newPush()
	good := sign(right.body, secret)
	type row = struct {
		delivery *delivery
		status   int
	}
	push := func(ref, before, after string) *delivery { return body(pushBody("acme/shop", ref, before, after)) }
	return map[string]row{
		"signature missing":           {signature(), 401},
		"signature empty":             {signature(""), 401},
		"signature of another secret": {signature(sign(right.body, "other")), 401},
		"signature of no secret":      {signature(sign(right.body, "")), 401},
		"signature of another body":   {signature(sign([]byte("{}"), secret)), 401},
		"signature twice":             {signature(good, good), 401},
		"signature right and wrong":   {signature(good, sign(right.body, "x")), 401},
		"signature wrong and right":   {signature(sign(right.body, "x"), good), 401},
		"signature list":              {signature(good + "," + good), 401},
		"signature without prefix":    {signature(strings.TrimPrefix(good, "sha256=")), 401},
		"signature upper-case prefix": {signature("SHA256=" + strings.TrimPrefix(good, "sha256=")), 401},
		"signature sha512 prefix":     {signature("sha512=" + strings.TrimPrefix(good, "sha256=")), 401},
		"signature sha1 prefix":       {signature("sha1=" + strings.TrimPrefix(good, "sha256=")), 401},
		"signature prefix alone":      {signature("sha256="), 401},
		"signature short":             {signature(good[:len(good)-2]), 401},
		"signature odd":               {signature(good[:len(good)-1]), 401},
		"signature long":              {signature(good + "00"), 401},
		"signature no hexadecimal":    {signature("sha256=" + strings.Repeat("g", 64)), 401},
		"signature zeros":             {signature("sha256=" + strings.Repeat("0", 64)), 401},
		"signature one bit off":       {signature(good[:len(good)-1] + string("10"[b2i(good[len(good)-1] == '1')])), 401},
		"signature base64":            {signature("sha256=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI="), 401},
		"signature enormous":          {signature("sha256=" + strings.Repeat("a", 8000)), 401},
		"sha1 right, sha256 missing":  {signature().set("X-Hub-Signature", sha1Of(right.body)), 401},
		"sha1 right, sha256 wrong":    {signature("sha256="+strings.Repeat("a", 64)).set("X-Hub-Signature", sha1Of(right.body)), 401},
		"sha1 in the sha256 header":   {signature(sha1Of(right.body)), 401},
		"secret itself as token":      {signature(secret).set("X-Gitlab-Token", secret), 401},
		"basic credentials":           {signature().set("Authorization", "Basic c2xpcHdheTpzZWNyZXQ="), 401},
		"body longer by a space":      {changed(func(b []byte) []byte { return append(b, ' ') }), 401},
		"body shorter by a byte":      {changed(func(b []byte) []byte { return b[:len(b)-1] }), 401},
		"body empty, unsigned for":    {changed(func([]byte) []byte { return nil }), 401},
		"body another ref":            {changed(func(b []byte) []byte { return bytes.ReplaceAll(b, []byte("main"), []byte("prod")) }), 401},
		"project unknown":             {newPush().to("/hooks/acme/none"), 401},
		"organization unknown":        {newPush().to("/hooks/none/shop"), 401},
		"project with no secret":      {newPush().to("/hooks/acme/bare"), 401},
		"no secret, signed so":        {signature(sign(right.body, "")).to("/hooks/acme/bare"), 401},
		"project with empty secret":   {signature(sign(right.body, "")).to("/hooks/acme/empty"), 401},
		"project of another forge":    {newPush().to("/hooks/acme/elsewhere"), 401},
		"project upper case":          {newPush().to("/hooks/acme/Shop"), 401},
		"project climbs":              {newPush().to("/hooks/acme/%2e%2e%2fshop"), 401},
		"project with slash":          {newPush().to("/hooks/acme/acme%2Fshop"), 401},
		"project with NUL":            {newPush().to("/hooks/acme/shop%00"), 401},
		"project too long":            {newPush().to("/hooks/acme/" + strings.Repeat("x", 300)), 401},
		"organization empty":          {newPush().to("/hooks//shop"), 401},
		"project empty":               {newPush().to("/hooks/acme/"), 404},
		"path too short":              {newPush().to("/hooks/acme"), 404},
		"path too long":               {newPush().to("/hooks/acme/shop/x"), 401},
		"path elsewhere":              {newPush().to("/"), 404},
		"GET":                         {method(http.MethodGet), 405},
		"HEAD":                        {method(http.MethodHead), 405},
		"PUT":                         {method(http.MethodPut), 405},
		"DELETE":                      {method(http.MethodDelete), 405},
		"PATCH":                       {method(http.MethodPatch), 405},
		"POST to health":              {newPush().to("/healthz"), 405},
		"form":                        {newPush().set("Content-Type", "application/x-www-form-urlencoded"), 415},
		"text":                        {newPush().set("Content-Type", "text/plain"), 415},
		"no content type":             {newPush().set("Content-Type"), 415},
		"two content types":           {newPush().set("Content-Type", "application/json", "text/plain"), 415},
		"content type broken":         {newPush().set("Content-Type", "application/json; charset"), 415},
		"content type UTF-16":         {newPush().set("Content-Type", "application/json; charset=utf-16"), 415},
		"gzip":                        {newPush().set("Content-Encoding", "gzip"), 415},
		"identity":                    {newPush().set("Content-Encoding", "identity"), 415},
		"no forge":                    {newPush().set("X-GitHub-Event"), 400},
		"two events":                  {newPush().set("X-GitHub-Event", "push", "ping"), 400},
		"no delivery id":              {newPush().set("X-GitHub-Delivery"), 400},
		"two delivery ids":            {newPush().set("X-GitHub-Delivery", "a", "b"), 400},
		"delivery id enormous":        {newPush().set("X-GitHub-Delivery", strings.Repeat("x", 1000)), 400},
		"delivery id with spaces":     {newPush().set("X-GitHub-Delivery", "a b"), 400},
		"JSON empty":                  {body(""), 400},
		"JSON broken":                 {body(`{"ref":"` + canary), 400},
		"JSON list":                   {body(`[]`), 400},
		"JSON null":                   {body(`null`), 400},
		"JSON twice":                  {body(`{}{}`), 400},
		"JSON deep":                   {body(strings.Repeat("[", 200_000)), 400},
		"JSON with mark":              {body("\ufeff{}"), 400},
		"XML":                         {body("<?xml version=\"1.0\"?><a/>"), 400},
		"no repository":               {body(`{"ref":"refs/heads/main","before":"` + one + `","after":"` + two + `"}`), 400},
		"repository null":             {body(`{"ref":"refs/heads/main","repository":null}`), 400},
		"repository climbs":           {body(pushBody("../../etc", "refs/heads/main", one, two)), 400},
		"commit an option":            {push("refs/heads/main", one, "--upload-pack=/bin/sh"+strings.Repeat("-", 19)), 400},
		"commit short":                {push("refs/heads/main", one, "2222"), 400},
		"commits missing":             {push("refs/heads/main", "", ""), 400},
		"ref empty":                   {push("", one, two), 400},
		"ref climbs":                  {push("refs/heads/../../x", one, two), 400},
		"ref with newline":            {push("refs/heads/a\nb", one, two), 400},
		"ref enormous":                {push("refs/heads/"+strings.Repeat("x", 5000), one, two), 400},
		"other repository":            {body(pushBody("evil/shop", "refs/heads/main", one, two)), 403},
		"other repository, longer":    {body(pushBody("acme/shop-2", "refs/heads/main", one, two)), 403},
		"other repository, below":     {body(pushBody("evil/acme/shop", "refs/heads/main", one, two)), 403},
		"ping of other repository":    {newDelivery("ping", `{"repository":{"full_name":"evil/shop"}}`), 403},
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestRefused(t *testing.T) {
	corpus := refused()
	if len(corpus) < 50 {
		t.Errorf("the corpus has %d requests, want at least 50", len(corpus))
	}
	for name, c := range corpus {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t, nil)
			r := h.send(t, c.delivery)
			if r.Status != c.status {
				t.Errorf("got %d, want %d: %s", r.Status, c.status, r.raw)
			}
			if c.delivery.method != http.MethodHead && (r.Error == "" || r.Code == "" || len(r.raw) > 400) {
				t.Errorf("the answer is no short JSON error: %s", r.raw)
			}
			if names := h.names(); len(names) != 0 {
				t.Errorf("%v were kept", names)
			}
			h.quiet(t)
		})
	}
}

// An unknown project must look exactly like a wrong signature.
func TestIndistinguishable(t *testing.T) {
	h := newFixture(t, nil)
	wrong := h.send(t, signature(sign([]byte("x"), secret)))
	for _, path := range []string{"/hooks/acme/none", "/hooks/none/shop", "/hooks/acme/bare", "/hooks/acme/empty", "/hooks/acme/elsewhere", "/hooks/acme/NOT-a-name"} {
		r := h.send(t, newPush().to(path))
		if r.Status != wrong.Status || r.raw != wrong.raw {
			t.Errorf("%s answers %d %s, a wrong signature %d %s", path, r.Status, r.raw, wrong.Status, wrong.raw)
		}
	}
}

// spy is a driver that remembers how many secrets were tried.
type spy struct {
	scm.Driver
	tried *[]int
}

func (s spy) Verify(h http.Header, body []byte, secrets [][]byte) error {
	*s.tried = append(*s.tried, len(secrets))
	return s.Driver.Verify(h, body, secrets)
}

// The work for an unknown project is that for a known one.
func TestSameWork(t *testing.T) {
	var tried []int
	h := newFixture(t, func(o *webhook.Options) {
		o.Drivers = map[string]scm.Driver{"github": spy{github.New(), &tried}}
	})
	paths := []string{"/hooks/acme/shop", "/hooks/acme/none", "/hooks/acme/bare", "/hooks/acme/elsewhere", "/hooks/x/..."}
	for _, path := range paths {
		h.send(t, signature(sign([]byte("x"), secret)).to(path))
	}
	if want := []int{2, 2, 2, 2, 2}; !slices.Equal(tried, want) {
		t.Errorf("%v secrets were tried, want %v", tried, want)
	}
}

func TestTooLarge(t *testing.T) {
	const limit = 25 << 20
	h := newFixture(t, func(o *webhook.Options) { o.Limits.Memory = 80 << 20 })
	fits := `{"x":"` + strings.Repeat("y", limit-8) + `"}`
	if r := h.send(t, newDelivery("star", fits)); r.Status != 200 {
		t.Errorf("a body of the limit got %d: %s", r.Status, r.raw)
	}
	large := newDelivery("star", fits+" ")
	t.Run("announced", func(t *testing.T) {
		connection := dial(t, h)
		// Only the head is sent: the answer must come before any of the body.
		fmt.Fprintf(connection, "POST /hooks/acme/shop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: star\r\nContent-Length: %d\r\n\r\n", limit+1)
		expect(t, connection, http.StatusRequestEntityTooLarge)
	})
	t.Run("chunked", func(t *testing.T) {
		reader, writer := io.Pipe() // hides the length
		go func() {
			_, err := writer.Write(large.body)
			writer.CloseWithError(err)
		}()
		defer reader.Close()
		if r := h.sendFrom(t, large, reader); r.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("got %d: %s", r.Status, r.raw)
		}
	})
	if names := h.names(); len(names) != 0 {
		t.Errorf("%v were kept", names)
	}
}

// A sender that is refused before it has sent everything reads why, also one
// that keeps no connection open.
func TestRefusedWhileSending(t *testing.T) {
	h := newFixture(t, nil)
	cases := map[string]struct{ size, times int }{"little left": {1 << 20, 20}, "much left": {12 << 20, 3}}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			for range c.times {
				encoded := newDelivery("star", strings.Repeat("y", c.size)).set("Content-Encoding", "gzip")
				if r := h.send(t, encoded); r.Status != http.StatusUnsupportedMediaType {
					t.Fatalf("got %d: %s", r.Status, r.raw)
				}
			}
		})
	}
}

func dial(t *testing.T, h *fixture) net.Conn {
	t.Helper()
	connection, err := net.Dial("tcp", strings.TrimPrefix(h.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return connection
}

func expect(t *testing.T, connection net.Conn, status int) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != status {
		t.Errorf("got %d, want %d", resp.StatusCode, status)
	}
}

// A body that trickles in is given up, and one that ends early is refused.
func TestSlow(t *testing.T) {
	head := "POST /hooks/acme/shop HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nX-GitHub-Event: push\r\nContent-Length: 1000\r\n\r\n{"
	t.Run("stalled", func(t *testing.T) {
		h := newFixture(t, func(o *webhook.Options) { o.Limits.Read = 50 * time.Millisecond })
		connection := dial(t, h)
		fmt.Fprint(connection, head)
		expect(t, connection, http.StatusRequestTimeout)
		if names := h.names(); len(names) != 0 {
			t.Errorf("%v were kept", names)
		}
	})
	t.Run("cut off", func(t *testing.T) {
		h := newFixture(t, nil)
		connection := dial(t, h)
		fmt.Fprint(connection, head)
		if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		expect(t, connection, http.StatusBadRequest)
		if names := h.names(); len(names) != 0 {
			t.Errorf("%v were kept", names)
		}
	})
}

func TestTrouble(t *testing.T) {
	down := fault.New(fault.Unavailable, "the API server at 10.0.0.1 is down")
	cases := map[string]struct {
		spoil  func(*fixture)
		status int
		code   string
	}{
		"projects down":     {func(h *fixture) { h.projects.err = down }, 503, "unavailable"},
		"deliveries down":   {func(h *fixture) { h.deliveries.err = down }, 503, "unavailable"},
		"deliveries broken": {func(h *fixture) { h.deliveries.err = errors.New("no idea") }, 500, "internal"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			h := newFixture(t, nil)
			c.spoil(h)
			r := h.send(t, newPush())
			if r.Status != c.status || r.Code != c.code {
				t.Errorf("got %d %s", r.Status, r.raw)
			}
			if strings.Contains(r.raw, "10.0.0.1") || strings.Contains(r.raw, "no idea") {
				t.Errorf("the answer tells the cause: %s", r.raw)
			}
			if !strings.Contains(h.log.String(), "level=ERROR") {
				t.Errorf("the cause isn't logged:\n%s", h.log)
			}
			h.quiet(t)
		})
	}
}
