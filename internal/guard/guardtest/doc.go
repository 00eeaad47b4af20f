// Package guardtest has attempts to get more than a pod of a stage may have. Tests
// make them through every source, against guard, and with a person's own
// credentials, against the chart's admission policies.
package guardtest
