// Package kube is what every room that speaks with an API server shares:
// writing statuses and conditions, translating API errors into fault codes, and
// the pace of retries. It knows the custom resources, and no decision about them.
package kube
