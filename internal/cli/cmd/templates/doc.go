// Package templates holds the commands that list and show service templates, and
// copy an organization's own from the control cluster. It must not know what
// becomes of a template in a stage.
package templates
