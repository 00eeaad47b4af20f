// Package gate stands in front of previews: it forwards requests to their pods, notes
// when somebody visits one, and wakes one that sleeps. A browser sees a page meanwhile;
// any other request is held until there is an answer.
//
// What it knows of previews it is told (package entrance). It must not know stages,
// releases or projects, and nothing that it forwards to is named by a request.
package gate
