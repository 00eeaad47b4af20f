package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// machine is what the recipes take from where they run: its Debian mirror, its
// Go, its certificate authorities and the checkout.
type machine struct {
	// source is the folder of the devcluster module in the checkout.
	source string
}

// bundleFile is where Debian's ca-certificates keeps every authority.
const bundleFile = "/etc/ssl/certs/ca-certificates.crt"

// bundle is the machine's certificate authorities: builds behind a company's
// proxy then trust what the machine trusts.
func (m machine) bundle() ([]byte, error) {
	bundle, err := os.ReadFile(bundleFile)
	if err != nil {
		return nil, fmt.Errorf("read the machine's certificate authorities: %w; run `apt-get install ca-certificates`", err)
	}
	return bundle, nil
}

// authorities are those that the machine's owner added to Debian's.
func (m machine) authorities() (map[string]string, error) {
	const folder = "/usr/local/share/ca-certificates"
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read certificate authorities: %w", err)
		}
		if filepath.Ext(file) != ".crt" || entry.IsDir() {
			return nil
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("read certificate authority: %w", err)
		}
		// The file's name may tell about the machine; its content names it as well.
		found[filepath.Join(folder, hashOf(content)[:16]+".crt")] = string(content)
		return nil
	})
	return found, err
}

func hashOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

func sortedKeys(values map[string]string) []string {
	return slices.Sorted(maps.Keys(values))
}
