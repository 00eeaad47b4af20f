package mount

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBelow(t *testing.T) {
	const table = `21 1 8:1 / / rw - ext4 /dev/vda rw
30 21 0:20 / /run/cluster/rootfs rw shared:1 - overlay overlay rw
31 30 0:21 / /run/cluster/rootfs/proc rw - proc proc rw
32 21 0:22 / /run/cluster-of-another rw - tmpfs tmpfs rw
33 21 0:23 / /data/with\040space/x rw - tmpfs tmpfs rw
34 21 0:24 / /data/with\040space rw - tmpfs tmpfs rw
damaged
`
	got := below(table, []string{"/run/cluster", "/data/with space"})
	want := []string{"/run/cluster/rootfs", "/run/cluster/rootfs/proc", "/data/with space/x", "/data/with space"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("mount points (-want +got):\n%s", diff)
	}
}

func TestUnescape(t *testing.T) {
	for field, want := range map[string]string{
		"": "", "plain": "plain", `a\040b\011c`: "a b\tc", `back\134slash`: `back\slash`, `cut\04`: `cut\04`, `not\999`: `not\999`,
	} {
		if got := unescape(field); got != want {
			t.Errorf("%q becomes %q, want %q", field, got, want)
		}
	}
}
