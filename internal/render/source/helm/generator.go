package helm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"math/big"
	"strconv"
	"strings"
	"text/template"
)

// generator answers the functions of Helm whose result is random. What they give
// is derived from a key and from what each call is named after, so that it
// stays the same however often the chart is rendered. It also stands for the
// functions that differ with the time, which nothing can be derived for.
type generator struct {
	key   []byte
	names []string // of the calls, in their order; those beyond are named after their number
	// later makes what differs with the time differ.
	later bool

	calls     []call
	differing []string // functions that were called whose result differs with the time
}

// call is one call of a random function.
type call struct {
	function, arguments string
	value               string
}

// maxGenerated bounds one generated text, in bytes.
const maxGenerated = 1 << 20

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// random are the functions with a random result, with Sprig's arguments.
func (g *generator) random() template.FuncMap {
	text := func(function, alphabet string) func(int) (string, error) {
		return func(length int) (string, error) {
			if length < 0 || length > maxGenerated {
				return "", fmt.Errorf("%s %d: a text has between 0 and %d characters", function, length, maxGenerated)
			}
			return g.record(function, fmt.Sprint(length), func(r io.Reader) string { return pick(r, alphabet, length) }), nil
		}
	}
	return template.FuncMap{
		"randAlphaNum": text("randAlphaNum", letters+digits),
		"randAlpha":    text("randAlpha", letters),
		"randNumeric":  text("randNumeric", digits),
		"randAscii":    text("randAscii", printable()),
		"randBytes":    g.randBytes,
		"randInt":      g.randInt,
		"shuffle":      g.shuffle,
		"uuidv4":       g.uuid,
	}
}

// record derives the value of a call and remembers it.
func (g *generator) record(function, arguments string, value func(io.Reader) string) string {
	name := "call " + strconv.Itoa(len(g.calls))
	if len(g.calls) < len(g.names) {
		name = g.names[len(g.calls)]
	}
	c := call{function: function, arguments: arguments}
	c.value = value(newStream(g.key, function, arguments, name))
	g.calls = append(g.calls, c)
	return c.value
}

func (g *generator) randBytes(count int) (string, error) {
	if count < 0 || count > maxGenerated {
		return "", fmt.Errorf("randBytes %d: give a number between 0 and %d", count, maxGenerated)
	}
	return g.record("randBytes", fmt.Sprint(count), func(r io.Reader) string {
		return base64.StdEncoding.EncodeToString(read(r, count))
	}), nil
}

func (g *generator) randInt(low, high int) (int, error) {
	if low >= high {
		return 0, fmt.Errorf("randInt %d %d: the first number must be below the second", low, high)
	}
	span := new(big.Int).Sub(big.NewInt(int64(high)), big.NewInt(int64(low)))
	text := g.record("randInt", fmt.Sprint(low, " ", high), func(r io.Reader) string {
		offset := new(big.Int).Mod(new(big.Int).SetBytes(read(r, 16)), span)
		return offset.Add(offset, big.NewInt(int64(low))).String()
	})
	return strconv.Atoi(text)
}

// shuffle mixes the letters of a text.
func (g *generator) shuffle(text string) string {
	return g.record("shuffle", text, func(r io.Reader) string {
		mixed := []rune(text)
		for i := len(mixed) - 1; i > 0; i-- {
			j := int(binary.BigEndian.Uint64(read(r, 8)) % uint64(i+1)) //nolint:gosec // below the length of a text
			mixed[i], mixed[j] = mixed[j], mixed[i]
		}
		return string(mixed)
	})
}

func (g *generator) uuid() string {
	return g.record("uuidv4", "", func(r io.Reader) string {
		b := read(r, 16)
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80 // version 4 of RFC 9562
		return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	})
}

// printable returns the printable characters of ASCII.
func printable() string {
	var all strings.Builder
	for c := ' '; c <= '~'; c++ {
		all.WriteRune(c)
	}
	return all.String()
}

// pick returns characters of the alphabet, each as likely as the others.
func pick(r io.Reader, alphabet string, length int) string {
	text := make([]byte, 0, length)
	for len(text) < length {
		if c := int(read(r, 1)[0]); c < 256-256%len(alphabet) { // the rest would favour some
			text = append(text, alphabet[c%len(alphabet)])
		}
	}
	return string(text)
}

func read(r io.Reader, count int) []byte {
	bytes := make([]byte, count)
	_, _ = io.ReadFull(r, bytes) // a stream has no end
	return bytes
}

// stream is an endless text of bytes that only the key and the names decide:
// HMAC-SHA256 in counter mode.
type stream struct {
	key     []byte
	counter uint64
	left    []byte
}

func newStream(key []byte, names ...string) *stream {
	return &stream{key: derive(key, names...)}
}

// derive makes a key of another one. No two lists of names make the same.
func derive(key []byte, names ...string) []byte {
	hash := hmac.New(sha256.New, key)
	for _, name := range names {
		_, _ = fmt.Fprintf(hash, "%d:%s ", len(name), name)
	}
	return hash.Sum(nil)
}

// Read fills p.
func (s *stream) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		if len(s.left) == 0 {
			s.left = derive(s.key, strconv.FormatUint(s.counter, 10))
			s.counter++
		}
		copied := copy(p[n:], s.left)
		s.left = s.left[copied:]
		n += copied
	}
	return len(p), nil
}
