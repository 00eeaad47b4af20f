package seed

import (
	"context"
	"fmt"
	"net/url"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// suite is the Debian release that the images are made from, whatever the
// machine itself runs.
const suite = "bookworm"

// mirror says where Debian's packages come from.
type mirror struct {
	main, security string
}

// defaultMirror is Debian's own name for "the nearest one".
func defaultMirror() mirror {
	return mirror{main: "http://deb.debian.org/debian", security: "http://deb.debian.org/debian-security"}
}

// mirror reads the machine's apt configuration: what apt uses here works here.
func (m machine) mirror(ctx context.Context) (mirror, error) {
	const format = "$(ORIGIN)|$(REPO_URI)"
	output, err := exec.CommandContext(ctx, "apt-get", "indextargets", "--format", format).Output()
	if err != nil {
		return mirror{}, fmt.Errorf("ask apt-get for the machine's Debian mirror: %w; the images are made from Debian packages, so a Debian machine is needed", err)
	}
	return chooseMirror(string(output)), nil
}

// chooseMirror takes the first Debian archive and the first security archive
// that a container can reach too; what is missing is Debian's default.
func chooseMirror(targets string) mirror {
	chosen := mirror{}
	for line := range strings.Lines(targets) {
		origin, address, _ := strings.Cut(strings.TrimSpace(line), "|")
		if origin != "" && origin != "Debian" {
			continue
		}
		// A password in the address must not get into an image.
		location, err := url.Parse(strings.TrimSuffix(address, "/"))
		if err != nil || location.User != nil || !slices.Contains([]string{"http", "https"}, location.Scheme) {
			continue
		}
		switch kind := path.Base(location.Path); {
		case kind == "debian" && chosen.main == "":
			chosen.main = location.String()
		case kind == "debian-security" && chosen.security == "":
			chosen.security = location.String()
		}
	}
	if chosen.main == "" {
		chosen.main = defaultMirror().main
	}
	if chosen.security == "" {
		chosen.security = defaultMirror().security
	}
	return chosen
}

// sources is the mirror as apt's configuration in an image.
func (m mirror) sources() string {
	const stanza = "Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: " + keyring + "\n"
	return fmt.Sprintf(stanza, m.main, suite+" "+suite+"-updates") + "\n" +
		fmt.Sprintf(stanza, m.security, suite+"-security")
}
