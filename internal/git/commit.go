package git

import (
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// maxMessageBytes is how much of a commit message is kept.
const maxMessageBytes = 64 << 10

// Commit is what a commit says about itself. Nobody has verified its names and
// addresses.
type Commit struct {
	Hash    string
	Tree    string
	Subject string // first line of the message
	Message string // whole message, cut at 64 KiB
	Author  string
	Email   string
	When    time.Time // when it was authored
	Made    time.Time // when it was committed
	Parents []string  // ids; a mirror may not hold the parents themselves
}

// DecodeCommit decodes a commit object as read by an Objects.
func DecodeCommit(h plumbing.Hash, kind plumbing.ObjectType, data []byte) (_ *object.Commit, err error) {
	defer RecoverAs(&err)
	if kind != plumbing.CommitObject {
		return nil, fmt.Errorf("object %s is a %s, not a commit", h, kind)
	}
	var raw plumbing.MemoryObject
	raw.SetType(kind)
	if _, err := raw.Write(data); err != nil {
		return nil, fmt.Errorf("decode commit %s: %w", h, err)
	}
	var c object.Commit
	if err := c.Decode(&raw); err != nil {
		return nil, fmt.Errorf("decode commit %s: %w", h, err)
	}
	return &c, nil
}

// NewCommit converts go-git's commit; text that is not UTF-8 is replaced.
func NewCommit(c *object.Commit) Commit {
	message := c.Message
	if len(message) > maxMessageBytes {
		message = message[:maxMessageBytes]
	}
	message = strings.ToValidUTF8(message, "\uFFFD")
	subject, _, _ := strings.Cut(strings.TrimLeft(message, "\r\n"), "\n")
	out := Commit{
		Hash:    c.Hash.String(),
		Tree:    c.TreeHash.String(),
		Subject: strings.TrimSpace(subject),
		Message: message,
		Author:  strings.ToValidUTF8(c.Author.Name, "\uFFFD"),
		Email:   strings.ToValidUTF8(c.Author.Email, "\uFFFD"),
		When:    c.Author.When,
		Made:    c.Committer.When,
	}
	for _, p := range c.ParentHashes {
		out.Parents = append(out.Parents, p.String())
	}
	return out
}
