//go:build !race

package server_test

const fineTiming = true
