package naming

import "strings"

// OrganizationOf returns the organization that a namespace on the control
// cluster belongs to, false when the namespace is not an organization's.
func OrganizationOf(namespace string) (string, bool) {
	organization, found := strings.CutPrefix(namespace, "slipway-org-")
	if !found || OrganizationNamespace(organization) != namespace {
		return "", false
	}
	return organization, true
}
