package shaping

import (
	"time"
)

const ms = time.Millisecond

// epoch is when tables of steps begin.
const epoch moment = 1_000_000e9

// at is a time of a table, in seconds.
func at(s float64) moment { return epoch.Add(seconds(s)) }

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// since is a time as a table has it.
func since(t moment) float64 { return t.Sub(epoch).Seconds() }
