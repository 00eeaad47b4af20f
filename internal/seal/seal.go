package seal

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"

	"github.com/slipway-dev/slipway/internal/fault"
)

// MaxValue is how many bytes a value may have.
const MaxValue = 24 << 10

// maxIdentities bounds the identities of one project: the one in force and
// those before it.
const maxIdentities = 16

// NewIdentity returns a new secret identity as age writes it.
func NewIdentity() ([]byte, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("make an identity: %w", err)
	}
	return []byte(identity.String() + "\n"), nil
}

// Recipient returns the public half of the first of a project's identities:
// what values are sealed for.
func Recipient(identities []byte) (string, error) {
	parsed, err := parse(identities)
	if err != nil {
		return "", err
	}
	return parsed[0].Recipient().String(), nil
}

// Seal encrypts a value for a recipient (age1…) and returns it on one line.
func Seal(recipient string, value []byte) (string, error) {
	to, err := age.ParseX25519Recipient(strings.TrimSpace(recipient))
	if err != nil {
		return "", fault.Wrap(fault.Invalid, err, "%.80q is not a recipient; copy the Project's status.recipient, which starts with age1", recipient)
	}
	if len(value) == 0 {
		return "", fault.New(fault.Invalid, "the value is empty; give it on standard input")
	}
	if len(value) > MaxValue {
		return "", fault.New(fault.Invalid, "the value has more than %d KiB; a Secret of the stage that is made by hand can hold more", MaxValue>>10)
	}
	var sealed bytes.Buffer
	writer, err := age.Encrypt(&sealed, to)
	if err == nil {
		_, err = writer.Write(value)
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		return "", errors.New("seal the value: encryption failed")
	}
	return base64.StdEncoding.EncodeToString(sealed.Bytes()), nil
}

// Open decrypts a sealed value with one of a project's identities.
func Open(identities []byte, sealed string) ([]byte, error) {
	parsed, err := parse(identities)
	if err != nil {
		return nil, err
	}
	reader, err := encoded(sealed)
	if err != nil {
		return nil, err
	}
	keys := make([]age.Identity, len(parsed))
	for i, identity := range parsed {
		keys[i] = identity
	}
	plain, err := age.Decrypt(reader, keys...)
	var mismatch *age.NoIdentityMatchError
	if errors.As(err, &mismatch) {
		return nil, fault.New(fault.Invalid, "it was not sealed for this project; seal it again with slipway seal")
	}
	if err != nil {
		return nil, damaged()
	}
	value, err := io.ReadAll(io.LimitReader(plain, MaxValue+1))
	switch {
	case err != nil:
		return nil, damaged()
	case len(value) > MaxValue:
		return nil, fault.New(fault.Invalid, "it holds more than %d KiB; make that Secret by hand in the stage", MaxValue>>10)
	}
	return value, nil
}

func damaged() error {
	return fault.New(fault.Invalid, "it is damaged; seal it again with slipway seal")
}

// encoded returns the ciphertext below its encoding.
func encoded(sealed string) (io.Reader, error) {
	if strings.HasPrefix(sealed, armor.Header) {
		return armor.NewReader(strings.NewReader(sealed)), nil
	}
	data, err := base64.StdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, damaged()
	}
	return bytes.NewReader(data), nil
}

// parse reads identities, one a line, the one in force first. Its errors say
// nothing of what it read.
func parse(identities []byte) ([]*age.X25519Identity, error) {
	var parsed []*age.X25519Identity
	for line := range strings.Lines(string(identities)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		identity, err := age.ParseX25519Identity(line)
		if err != nil || len(parsed) == maxIdentities {
			return nil, fault.New(fault.Invalid, "the project's identity can't be read; it must be at most %d lines, each AGE-SECRET-KEY-1…", maxIdentities)
		}
		parsed = append(parsed, identity)
	}
	if len(parsed) == 0 {
		return nil, fault.New(fault.Invalid, "the project's identity is empty; delete its Secret, then a new one is made and every value must be sealed again")
	}
	return parsed, nil
}
