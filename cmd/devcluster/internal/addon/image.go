package addon

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/slipway-dev/slipway/cmd/devcluster/internal/image/oci"
)

// PushProgram makes an image that holds one static program and pushes it to the
// registry, unless it is there. Programs lie in a folder named by the digest of
// their sources, which therefore names the image too.
func PushProgram(ctx context.Context, registry, program string) (ref string, err error) {
	name, tag := filepath.Base(program), filepath.Base(filepath.Dir(program))
	repository := "devcluster/" + name
	ref = fmt.Sprintf("%s/%s:%s", registry, repository, tag)
	there, err := exists(ctx, fmt.Sprintf("http://%s/v2/%s/manifests/%s", registry, repository, tag))
	if err != nil || there {
		return ref, err
	}
	dir, err := os.MkdirTemp("", "devcluster-image-")
	if err != nil {
		return "", fmt.Errorf("make image of %s: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // only temporary
	tree := oci.NewTree()
	if err := tree.AddPath(program, "/"+name, 0o755, nil); err != nil {
		return "", fmt.Errorf("make image of %s: %w", name, err)
	}
	layer, err := oci.WriteLayer(filepath.Join(dir, "layer"), tree)
	if err != nil {
		return "", fmt.Errorf("make image of %s: %w", name, err)
	}
	image, err := oci.Assemble(nil, oci.Config{Entrypoint: []string{"/" + name}}, layer)
	if err != nil {
		return "", fmt.Errorf("make image of %s: %w", name, err)
	}
	if _, _, err := oci.Push(ctx, image, ref, true); err != nil {
		return "", fmt.Errorf("push image of %s: %w", name, err)
	}
	return ref, nil
}

func exists(ctx context.Context, manifest string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, manifest, http.NoBody)
	if err != nil {
		return false, fmt.Errorf("ask registry: %w", err)
	}
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false, fmt.Errorf("ask registry: %w", err)
	}
	return response.StatusCode == http.StatusOK, response.Body.Close()
}
