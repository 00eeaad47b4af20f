package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metainternalversionscheme "k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"

	"github.com/slipway-dev/slipway/internal/apply/cause"
	"github.com/slipway-dev/slipway/internal/apply/inventory"
	"github.com/slipway-dev/slipway/internal/apply/refusal"
	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/printable"
)

// Answers hold metadata only, so that no Secret is read.
const (
	acceptMetadata = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1," +
		"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	acceptMetadataList = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1," +
		"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// listPage is how many objects one list answer holds.
const listPage = 1000

// newRESTClient returns a client without a limit of its own: apply bounds its
// concurrency and the server's Retry-After is obeyed.
func newRESTClient(config *rest.Config) (*rest.RESTClient, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst, config.RateLimiter = -1, 0, nil
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	config.ContentType = "application/json"
	config.NegotiatedSerializer = metainternalversionscheme.Codecs.WithoutConversion()
	config.GroupVersion = &schema.GroupVersion{}
	config.APIPath = "/"
	config.WarningHandler = rest.NoWarnings{}
	if config.UserAgent == "" {
		config.UserAgent = "slipway"
	}
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the cluster's credentials do not work; give the Cluster another kubeconfig")
	}
	client, err := rest.RESTClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the cluster's address does not work; give the Cluster another kubeconfig")
	}
	return client, nil
}

// path returns the URL path of an object, or of its collection when the
// object has no name.
func (c *Client) path(ctx context.Context, ref inventory.Ref) ([]string, error) {
	found, err := c.cluster.kinds.resolve(ctx, c.rest, ref)
	if err != nil {
		return nil, err
	}
	if found.namespaced != (ref.Namespace != "") {
		return nil, &refusal.ObjectError{
			Ref: ref, Reason: cause.ClusterScoped, Code: fault.Denied,
			Words: "the kind is not namespaced, so it belongs to nobody's stage", Remedy: "ask the platform team to install it",
		}
	}
	segments := []string{"apis", ref.Group, ref.Version}
	if ref.Group == "" {
		segments = []string{"api", ref.Version}
	}
	if ref.Namespace != "" {
		segments = append(segments, "namespaces", ref.Namespace)
	}
	segments = append(segments, found.plural)
	if ref.Name != "" {
		segments = append(segments, ref.Name)
	}
	return segments, nil
}

// Patch sends one server-side apply and returns the object's metadata after
// it and whether it was created.
func (c *Client) Patch(ctx context.Context, ref inventory.Ref, body []byte, force, dryRun bool) (*metav1.PartialObjectMetadata, bool, []string, error) {
	path, err := c.path(ctx, ref)
	if err != nil {
		return nil, false, nil, err
	}
	if err := c.cluster.limiter.acquire(ctx); err != nil {
		return nil, false, nil, err
	}
	defer c.cluster.limiter.release()
	request := c.rest.Patch(types.ApplyPatchType).AbsPath(path...).
		Param("fieldManager", FieldManager).Param("fieldValidation", metav1.FieldValidationStrict).
		Param("force", strconv.FormatBool(force)).SetHeader("Accept", acceptMetadata).Body(body)
	if dryRun {
		request.Param("dryRun", metav1.DryRunAll)
	}
	var status int
	result := request.Do(ctx).StatusCode(&status)
	meta, err := metadataOf(result)
	if err != nil {
		return nil, false, nil, err
	}
	var warnings []string
	for _, warning := range result.Warnings() {
		warnings = append(warnings, printable.Excerpt(warning.Text, refusal.MaxWords))
	}
	return meta, status == http.StatusCreated, warnings, nil
}

// PatchJSON sends a JSON patch. The patch itself tests the version it is for.
func (c *Client) PatchJSON(ctx context.Context, ref inventory.Ref, body []byte) (*metav1.PartialObjectMetadata, error) {
	path, err := c.path(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := c.cluster.limiter.acquire(ctx); err != nil {
		return nil, err
	}
	defer c.cluster.limiter.release()
	return metadataOf(c.rest.Patch(types.JSONPatchType).AbsPath(path...).Param("fieldManager", FieldManager).
		SetHeader("Accept", acceptMetadata).Body(body).Do(ctx))
}

// Merge sends a merge patch, or has the server check it.
func (c *Client) Merge(ctx context.Context, ref inventory.Ref, body []byte, dryRun bool) error {
	path, err := c.path(ctx, ref)
	if err != nil {
		return err
	}
	if err := c.cluster.limiter.acquire(ctx); err != nil {
		return err
	}
	defer c.cluster.limiter.release()
	request := c.rest.Patch(types.MergePatchType).AbsPath(path...).Param("fieldManager", FieldManager).SetHeader("Accept", acceptMetadata).Body(body)
	if dryRun {
		request.Param("dryRun", metav1.DryRunAll)
	}
	return request.Do(ctx).Error()
}

// CheckCreate has the server check an object as a new one in a dry run, while
// one of that name exists. The server checks the name last, so "already exists"
// means that the object would be accepted.
func (c *Client) CheckCreate(ctx context.Context, ref inventory.Ref, body []byte) error {
	collection := ref
	collection.Name = ""
	path, err := c.path(ctx, collection)
	if err != nil {
		return err
	}
	if err := c.cluster.limiter.acquire(ctx); err != nil {
		return err
	}
	defer c.cluster.limiter.release()
	_, err = metadataOf(c.rest.Post().AbsPath(path...).Param("dryRun", metav1.DryRunAll).
		Param("fieldManager", FieldManager).Param("fieldValidation", metav1.FieldValidationStrict).
		SetHeader("Content-Type", "application/json").SetHeader("Accept", acceptMetadata).Body(body).Do(ctx))
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// Get returns an object's metadata, nil when there is no such object.
func (c *Client) Get(ctx context.Context, ref inventory.Ref) (*metav1.PartialObjectMetadata, error) {
	path, err := c.path(ctx, ref)
	if err != nil {
		return nil, err
	}
	if err := c.cluster.limiter.acquire(ctx); err != nil {
		return nil, err
	}
	defer c.cluster.limiter.release()
	meta, err := metadataOf(c.rest.Get().AbsPath(path...).SetHeader("Accept", acceptMetadata).Do(ctx))
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return meta, err
}

// List calls visit with the metadata of every object of a kind, of those that
// match a label selector when it is not empty.
func (c *Client) List(ctx context.Context, kind inventory.Ref, selector string, visit func(*metav1.PartialObjectMetadata)) error {
	path, err := c.path(ctx, kind)
	if err != nil {
		return err
	}
	for more := ""; ; {
		page, err := c.listPage(ctx, path, selector, more)
		if err != nil {
			return err
		}
		for at := range page.Items {
			visit(&page.Items[at])
		}
		if more = page.Continue; more == "" {
			return nil
		}
	}
}

func (c *Client) listPage(ctx context.Context, path []string, selector, more string) (*metav1.PartialObjectMetadataList, error) {
	if err := c.cluster.limiter.acquire(ctx); err != nil {
		return nil, err
	}
	defer c.cluster.limiter.release()
	request := c.rest.Get().AbsPath(path...).Param("limit", strconv.Itoa(listPage)).SetHeader("Accept", acceptMetadataList)
	if selector != "" {
		request.Param("labelSelector", selector)
	}
	if more != "" {
		request.Param("continue", more)
	}
	object, err := request.Do(ctx).Get()
	if err != nil {
		return nil, err
	}
	page, ok := object.(*metav1.PartialObjectMetadataList)
	if !ok {
		return nil, fmt.Errorf("the API server answered a list of metadata with %T", object)
	}
	return page, nil
}

// Delete deletes an object if it still has the UID and the version that were
// seen.
func (c *Client) Delete(ctx context.Context, ref inventory.Ref, seen *State, propagation metav1.DeletionPropagation) error {
	path, err := c.path(ctx, ref)
	if err != nil {
		return err
	}
	if err := c.cluster.limiter.acquire(ctx); err != nil {
		return err
	}
	defer c.cluster.limiter.release()
	uid := types.UID(seen.UID)
	body, err := json.Marshal(metav1.DeleteOptions{
		TypeMeta:          metav1.TypeMeta{APIVersion: "v1", Kind: "DeleteOptions"},
		Preconditions:     &metav1.Preconditions{UID: &uid, ResourceVersion: &seen.Version},
		PropagationPolicy: &propagation,
	})
	if err != nil {
		return fmt.Errorf("encode delete options: %w", err)
	}
	return c.rest.Delete().AbsPath(path...).SetHeader("Content-Type", "application/json").
		SetHeader("Accept", acceptMetadata).Body(body).Do(ctx).Error()
}

func metadataOf(result rest.Result) (*metav1.PartialObjectMetadata, error) {
	object, err := result.Get()
	if err != nil {
		return nil, err
	}
	meta, ok := object.(*metav1.PartialObjectMetadata)
	if !ok {
		return nil, fmt.Errorf("the API server answered with %T instead of metadata", object)
	}
	return meta, nil
}
