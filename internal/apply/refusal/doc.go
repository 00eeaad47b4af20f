// Package refusal says why one object could not be applied: what the API
// server answered becomes a cause, a fault code, field paths and a remedy.
//
// It is pure: errors come in, errors come out. It never repeats what an answer
// about a Secret says, because the answer may quote the Secret's values. It
// knows nothing of clients and does not decide what happens next.
package refusal
