package component

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// digest identifies what a component is made from: the module's files, the
// component's own settings and the compiler.
func digest(dir string, component Component) (string, error) {
	sum := sha256.New()
	settings, err := json.Marshal(component)
	if err != nil {
		return "", fmt.Errorf("encode settings of %s: %w", component.Name, err)
	}
	fmt.Fprintf(sum, "%s %s/%s\n%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, settings)
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isInput(entry.Name()) {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(sum, "%s %d\n", name, len(raw))
		_, err = sum.Write(raw)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read sources of %s: %w", component.Name, err)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

func isInput(name string) bool {
	return name == "go.mod" || name == "go.sum" || strings.HasSuffix(name, ".go")
}
