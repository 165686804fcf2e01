package syserr

import (
	"syscall"

	"golang.org/x/sys/windows"
)

func numbers(k Kind) []syscall.Errno {
	return map[Kind][]syscall.Errno{
		DiskFull:     {windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED, windows.ERROR_FILE_TOO_LARGE},
		NoDescriptor: {windows.WSAEMFILE, windows.WSAENOBUFS, windows.ERROR_TOO_MANY_OPEN_FILES, windows.ERROR_NOT_ENOUGH_MEMORY},
		Refused:      {windows.WSAECONNREFUSED, windows.ERROR_CONNECTION_REFUSED},
		Unreachable:  {windows.WSAEHOSTUNREACH, windows.WSAENETUNREACH},
		Reset:        {windows.WSAECONNRESET, windows.WSAECONNABORTED, windows.ERROR_NETNAME_DELETED},
		AddressInUse: {windows.WSAEADDRINUSE},
		NoAddress:    {windows.WSAEADDRNOTAVAIL},
		NoPermission: {windows.WSAEACCES},
	}[k]
}
