package seal_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"pgregory.net/rapid"

	"github.com/slipway-dev/slipway/internal/fault"
	"github.com/slipway-dev/slipway/internal/seal"
)

const plain = "sk_live_do-not-show"

func identity(t testing.TB) (identities []byte, recipient string) {
	t.Helper()
	identities, err := seal.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	if recipient, err = seal.Recipient(identities); err != nil {
		t.Fatal(err)
	}
	return identities, recipient
}

func sealed(t testing.TB, recipient, value string) string {
	t.Helper()
	text, err := seal.Seal(recipient, []byte(value))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSealedValueOpens(t *testing.T) {
	identities, recipient := identity(t)
	rapid.Check(t, func(rt *rapid.T) {
		value := rapid.SliceOfN(rapid.Byte(), 1, 2000).Draw(rt, "value")
		text, err := seal.Seal(recipient, value)
		if err != nil {
			rt.Fatal(err)
		}
		if strings.ContainsAny(text, " \n") {
			rt.Fatalf("%q is more than one line", text)
		}
		got, err := seal.Open(identities, text)
		if err != nil || !bytes.Equal(got, value) {
			rt.Fatalf("opened %q, %v, want %q", got, err, value)
		}
	})
}

// TestArmorOpens takes what the age program writes with -a.
func TestArmorOpens(t *testing.T) {
	identities, recipient := identity(t)
	to, err := age.ParseX25519Recipient(recipient)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	outer := armor.NewWriter(&text)
	inner, err := age.Encrypt(outer, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := inner.Write([]byte(plain)); err != nil {
		t.Fatal(err)
	}
	if inner.Close() != nil || outer.Close() != nil {
		t.Fatal("close")
	}
	got, err := seal.Open(identities, text.String())
	if err != nil || string(got) != plain {
		t.Errorf("opened %q, %v", got, err)
	}
}

// TestOtherProjectsValueStaysShut is what keeps a value from being replayed.
func TestOtherProjectsValueStaysShut(t *testing.T) {
	_, theirs := identity(t)
	ours, _ := identity(t)
	_, err := seal.Open(ours, sealed(t, theirs, plain))
	if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "not sealed for this project") {
		t.Errorf("want a refusal, got %v", err)
	}
}

// TestRotation opens what was sealed before a new identity was put in front.
func TestRotation(t *testing.T) {
	old, before := identity(t)
	young, now := identity(t)
	both := append(append([]byte("# since today\n"), young...), old...)
	got, err := seal.Recipient(both)
	if err != nil || got != now {
		t.Errorf("the recipient is %s, %v, want %s", got, err, now)
	}
	for _, recipient := range []string{before, now} {
		value, err := seal.Open(both, sealed(t, recipient, plain))
		if err != nil || string(value) != plain {
			t.Errorf("opened %q, %v", value, err)
		}
	}
}

func TestRefused(t *testing.T) {
	identities, recipient := identity(t)
	good := sealed(t, recipient, plain)
	data, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	flipped := bytes.Clone(data)
	flipped[len(flipped)-1] ^= 1
	scrypt, err := age.NewScryptRecipient("password")
	if err != nil {
		t.Fatal(err)
	}
	scrypt.SetWorkFactor(10)
	var withPassword bytes.Buffer
	writer, err := age.Encrypt(&withPassword, scrypt)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := writer.Write([]byte(plain)); err != nil || writer.Close() != nil {
		t.Fatal(err)
	}
	large := make([]byte, seal.MaxValue+1)
	to, _ := age.ParseX25519Recipient(recipient)
	var tooLarge bytes.Buffer
	writer, _ = age.Encrypt(&tooLarge, to)
	if _, err := writer.Write(large); err != nil || writer.Close() != nil {
		t.Fatal(err)
	}
	encode := base64.StdEncoding.EncodeToString
	for name, text := range map[string]string{
		"flipped bit": encode(flipped), "cut": encode(data[:len(data)-3]), "no base64": "%%%", "plain": encode([]byte(plain)),
		"empty": "", "password": encode(withPassword.Bytes()), "large": encode(tooLarge.Bytes()), "armor of nothing": armor.Header + "\n",
	} {
		value, err := seal.Open(identities, text)
		if value != nil || fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: opened %q, %v", name, value, err)
		}
		if err != nil && strings.Contains(err.Error(), plain) {
			t.Errorf("%s: the error shows the value: %v", name, err)
		}
	}
	for name, identities := range map[string]string{"none": "", "comment": "# x\n", "other": "secret-words\n", "many": strings.Repeat(string(identities), 17)} {
		if _, err := seal.Open([]byte(identities), good); fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), "secret-words") {
			t.Errorf("identity %s: %v", name, err)
		}
	}
	if _, err := seal.Seal("age1x", []byte(plain)); fault.CodeOf(err) != fault.Invalid || strings.Contains(err.Error(), plain) {
		t.Errorf("sealed for no recipient: %v", err)
	}
	for name, value := range map[string][]byte{"empty": nil, "large": large} {
		if _, err := seal.Seal(recipient, value); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzOpen looks for panics on values of project files.
func FuzzOpen(f *testing.F) {
	identities, recipient := identity(f)
	f.Add(sealed(f, recipient, plain))
	f.Add(armor.Header + "\nYWdl\n" + armor.Footer)
	f.Add("YWdlLWVuY3J5cHRpb24ub3JnL3YxCg==")
	f.Fuzz(func(t *testing.T, text string) {
		if value, err := seal.Open(identities, text); err == nil && len(value) > seal.MaxValue {
			t.Errorf("%d bytes", len(value))
		}
	})
}
