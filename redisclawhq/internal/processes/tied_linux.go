package processes

import "syscall"

// tied returns attributes of a process that ends with its parent, even if the
// parent is killed.
func tied() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
