package nodes

import (
	"reflect"

	"github.com/lodepow/lode/chain"
	"github.com/lodepow/lode/node/gossip"
)

// measure keeps the size of the largest machine seen.
func (n *Net) measure() {
	for _, node := range n.up() {
		if g, ok := node.machine.(*gossip.Gossip); ok {
			n.largest = max(n.largest, sizeOf(g))
		}
	}
}

// sizeOf returns about how many bytes are reachable from a machine, but for its
// chain, which it shares, and functions.
func sizeOf(g *gossip.Gossip) int {
	s := sizer{seen: map[uintptr]bool{}}
	return s.of(reflect.ValueOf(g))
}

type sizer struct{ seen map[uintptr]bool }

// of returns the bytes that a value refers to, its own not counted.
func (s *sizer) of(v reflect.Value) int {
	size := 0
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || v.Type() == reflect.TypeFor[*chain.Chain]() || s.seen[v.Pointer()] {
			return 0
		}
		s.seen[v.Pointer()] = true
		return int(v.Type().Elem().Size()) + s.of(v.Elem())
	case reflect.Interface:
		if v.IsNil() {
			return 0
		}
		return int(v.Elem().Type().Size()) + s.of(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			size += s.of(v.Field(i))
		}
	case reflect.Array:
		if flat(v.Type().Elem()) {
			return 0
		}
		for i := range v.Len() {
			size += s.of(v.Index(i))
		}
	case reflect.String:
		return v.Len()
	case reflect.Slice:
		if v.IsNil() || s.seen[v.Pointer()] {
			return 0
		}
		s.seen[v.Pointer()] = true
		size = v.Cap() * int(v.Type().Elem().Size())
		if flat(v.Type().Elem()) {
			return size
		}
		for i := range v.Len() {
			size += s.of(v.Index(i))
		}
	case reflect.Map:
		if v.IsNil() || s.seen[v.Pointer()] {
			return 0
		}
		s.seen[v.Pointer()] = true
		t := v.Type()
		size = v.Len() * int(t.Key().Size()+t.Elem().Size())
		if flat(t.Key()) && flat(t.Elem()) {
			return size
		}
		for it := v.MapRange(); it.Next(); {
			size += s.of(it.Key()) + s.of(it.Value())
		}
	}
	return size
}

// flat reports whether values of the type refer to nothing.
func flat(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return flat(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !flat(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return t.Kind() <= reflect.Complex128 || t.Kind() == reflect.UnsafePointer
}
