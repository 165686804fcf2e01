//go:build !windows

package syserr

import "syscall"

func numbers(k Kind) []syscall.Errno {
	return map[Kind][]syscall.Errno{
		DiskFull:     {syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG},
		NoDescriptor: {syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM},
		Refused:      {syscall.ECONNREFUSED},
		Unreachable:  {syscall.EHOSTUNREACH, syscall.ENETUNREACH},
		Reset:        {syscall.ECONNRESET, syscall.EPIPE},
		AddressInUse: {syscall.EADDRINUSE},
		NoAddress:    {syscall.EADDRNOTAVAIL},
		NoPermission: {syscall.EACCES},
	}[k]
}
