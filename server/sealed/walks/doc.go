// Package walks goes the way of a reporter whose browser runs scripts, in Firefox
// and in Chromium, with their compilers and without: over a network that breaks, to
// a server that stops or lies, up to the reviewers, who open what arrived. It has
// tests alone.
package walks
