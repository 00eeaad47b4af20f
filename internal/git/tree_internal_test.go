package git

import (
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/google/go-cmp/cmp"
)

const someHash = "\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab\xab"

func TestDecodeTree(t *testing.T) {
	h := plumbing.NewHash(strings.Repeat("ab", 20))
	for name, tt := range map[string]struct {
		raw  string
		want []entry
		fail bool
	}{
		"empty": {"", nil, false},
		"every mode": {"100644 a\x00" + someHash + "100664 b\x00" + someHash + "100755 c\x00" + someHash + "120000 d\x00" + someHash + "160000 e\x00" + someHash + "40000 f\x00" + someHash,
			[]entry{{"a", filemode.Regular, h}, {"b", filemode.Regular, h}, {"c", filemode.Executable, h}, {"d", filemode.Symlink, h}, {"e", filemode.Submodule, h}, {"f", filemode.Dir, h}}, false},
		"sorted by plain name": {"100644 a.b\x00" + someHash + "40000 a\x00" + someHash, []entry{{"a", filemode.Dir, h}, {"a.b", filemode.Regular, h}}, false},
		"no name":              {"100644", nil, true},
		"no zero byte":         {"100644 a", nil, true},
		"short id":             {"100644 a\x00\xab", nil, true},
		"empty name":           {"100644 \x00" + someHash, nil, true},
		"mode not octal":       {"9 a\x00" + someHash, nil, true},
		"empty mode":           {" a\x00" + someHash, nil, true},
		"slash":                {"100644 a/b\x00" + someHash, nil, true},
		"dot git":              {"100644 .git\x00" + someHash, nil, true},
		"too many":             {strings.Repeat("100644 a\x00"+someHash, 11), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := decodeTree([]byte(tt.raw), 10)
			if (err != nil) != tt.fail {
				t.Fatalf("decodeTree = %v, want failure %v", err, tt.fail)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(entry{})); diff != "" && !tt.fail {
				t.Errorf("entries (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzDecodeTree(f *testing.F) {
	f.Add([]byte("100644 a\x00" + someHash + "40000 b\x00" + someHash))
	f.Add([]byte("100644 ..\x00" + someHash))
	f.Fuzz(func(t *testing.T, raw []byte) {
		list, err := decodeTree(raw, 100)
		if err != nil {
			return
		}
		for i, e := range list {
			if e.name == "" || e.name == "." || e.name == ".." || strings.ContainsAny(e.name, "/\x00") {
				t.Fatalf("entry %q got through", e.name)
			}
			if i > 0 && list[i-1].name >= e.name {
				t.Fatalf("%q stands before %q", list[i-1].name, e.name)
			}
			if found, ok := lookup(list, e.name); !ok || found != e {
				t.Fatalf("lookup(%q) = %v, %v", e.name, found, ok)
			}
		}
	})
}
