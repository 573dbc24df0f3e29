//go:build race

package server_test

// fineTiming: with the race detector, work takes ten times as long, in no
// proportion to what it takes without. What is found then is coarse.
const fineTiming = false
