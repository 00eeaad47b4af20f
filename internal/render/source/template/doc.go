// Package template expands service templates: "a PostgreSQL of version 16 with
// 5 GiB" becomes services as the project file knows them. A template is data,
// a YAML tree with typed parameters: a parameter's value takes the place of a
// scalar in that tree and can never change its shape. An organization brings
// its own templates, and locks parameters, in the same form.
//
// It is pure, and must not know the values of Secrets: a template says which
// values a Secret of the stage must hold, and whoever owns the stage makes them
// once.
package template
