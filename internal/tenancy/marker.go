package tenancy

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/naming"
)

const (
	markVersion = "slipway-owner-1"
	minKeyBytes = 32
	// birthPrefix begins the mark of an object whose UID was not known yet.
	birthPrefix = "born."
	// birthTime is how far apart the moment in such a mark and the object's
	// creation may be, by two clocks.
	birthTime = 10 * time.Minute
)

// Marker marks the namespaces and Secrets that Slipway makes, and tells them from
// those of others, who can copy everything but what the API server itself says of an
// object: the mark is signed with the server's key, for an owner, a name and the UID.
// An object is made with a mark for the moment of its creation instead, so that a
// crash leaves none that nobody knows. A Marker is immutable and safe for concurrent
// use.
type Marker struct {
	key []byte
	now func() time.Time
}

// NewMarker returns a marker that signs with a key of at least 32 bytes.
func NewMarker(key []byte, now func() time.Time) (*Marker, error) {
	if len(key) < minKeyBytes {
		return nil, fault.New(fault.Invalid, "the key to sign ownership with has %d bytes, fewer than the %d needed; use random bytes", len(key), minKeyBytes)
	}
	return &Marker{key: key, now: now}, nil
}

// Owns reports whether an object was made by Slipway for the owner that labels name.
func (m *Marker) Owns(object metav1.Object, owner map[string]string) bool {
	mark := object.GetAnnotations()[naming.AnnotationOwner]
	born, isBirth := strings.CutPrefix(mark, birthPrefix)
	if !isBirth {
		return hmac.Equal([]byte(mark), []byte(m.sign(object, owner, "uid", string(object.GetUID()))))
	}
	moment, _, _ := strings.Cut(born, ".")
	seconds, err := strconv.ParseInt(moment, 10, 64)
	if err != nil || object.GetCreationTimestamp().Sub(time.Unix(seconds, 0)).Abs() > birthTime {
		return false
	}
	return hmac.Equal([]byte(mark), []byte(m.birthMark(object, owner, moment)))
}

// IsMarked reports whether an object that Slipway owns carries its final mark.
func (m *Marker) IsMarked(object metav1.Object) bool {
	return !strings.HasPrefix(object.GetAnnotations()[naming.AnnotationOwner], birthPrefix)
}

// Mark marks an object that exists for the owner that its labels name.
func (m *Marker) Mark(object metav1.Object) {
	setMark(object, m.sign(object, object.GetLabels(), "uid", string(object.GetUID())))
}

// MarkNew marks an object that is about to be made.
func (m *Marker) MarkNew(object metav1.Object) {
	setMark(object, m.birthMark(object, object.GetLabels(), strconv.FormatInt(m.now().Unix(), 10)))
}

func (m *Marker) birthMark(object metav1.Object, owner map[string]string, moment string) string {
	return birthPrefix + moment + "." + m.sign(object, owner, "born", moment)
}

func (m *Marker) sign(object metav1.Object, owner map[string]string, proof, value string) string {
	parts := []string{markVersion, object.GetNamespace(), object.GetName(), proof, value}
	for _, key := range ownerKeys() {
		parts = append(parts, owner[key])
	}
	h := hmac.New(sha256.New, m.key)
	h.Write([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func setMark(object metav1.Object, mark string) {
	annotations := map[string]string{}
	for key, value := range object.GetAnnotations() {
		annotations[key] = value
	}
	annotations[naming.AnnotationOwner] = mark
	object.SetAnnotations(annotations)
}

// CreateSecret makes a Secret that is marked for the owner that its labels name.
func (m *Marker) CreateSecret(ctx context.Context, api typedv1.SecretInterface, namespace string, wanted *corev1.Secret) error {
	wanted = wanted.DeepCopy()
	wanted.Namespace = namespace
	m.MarkNew(wanted)
	made, err := api.Create(ctx, wanted, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	m.Mark(made)
	if _, err := api.Update(ctx, made, metav1.UpdateOptions{}); err != nil {
		return fmt.Errorf("mark Secret %s: %w", wanted.Name, err)
	}
	return nil
}
