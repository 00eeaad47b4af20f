// Package scmtest holds the promises of package scm as tests: what must be true
// of every forge is checked here, once, on each driver.
//
// It must not know any driver.
package scmtest
