package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"saksi/crypto/item"
	"saksi/crypto/limittest"
	"saksi/crypto/parcel"
	"saksi/crypto/receipt"
	"saksi/crypto/roster"
	"saksi/server/sealed/deliver"
)

// What eight uploads at once may take: of memory, in MB, and of writing to the disk,
// for each byte that is kept.
const (
	mostMemory  = 64
	mostWritten = 1.05
)

// uploadSize is that of each of the eight.
func uploadSize() int64 { return limittest.Size[int64](500<<20, 1<<20) }

// BenchmarkEightUploads sends eight files of 500 MiB at once, as forms that the server
// seals, and reports the most memory that the server ever had, and what it wrote for
// each byte.
func BenchmarkEightUploads(b *testing.B) {
	eightAtOnce(b, uploadSize(), (*running).upload)
}

// BenchmarkEightSlices hands eight sealed files of 500 MiB in at once, in slices, as
// the script and "saksi seal" do, and reports the same.
func BenchmarkEightSlices(b *testing.B) {
	eightAtOnce(b, item.PayloadSize(item.Padme(uploadSize())), (*running).handIn)
}

// eightAtOnce has a new drop take eight uploads, each loop.
func eightAtOnce(b *testing.B, size int64, upload func(*running, int64) error) {
	const uploads = 8
	for b.Loop() {
		r := launch(b, newData(b))
		var group sync.WaitGroup
		for range uploads {
			group.Go(func() {
				if err := upload(r, size); err != nil {
					b.Error(err)
				}
			})
		}
		group.Wait()
		peak := r.memory("VmHWM")
		b.ReportMetric(peak, "MB-peak")
		b.ReportMetric(r.memory("RssAnon"), "MB-anon")
		r.stop()
		written := float64(r.written()) / float64(uploads*size)
		b.ReportMetric(written, "written/byte")
		if peak > mostMemory || written > mostWritten && !testing.Short() {
			b.Errorf("%.1f MB, and %.2f bytes written for each; at most %d and %.2f", peak, written, mostMemory, mostWritten)
		}
	}
	b.SetBytes(uploads * size)
}

// written is how many bytes a server that has ended sent to its disk. It hides from
// everybody but root what /proc/PID/io says; whoever waited for it is told all the
// same, in blocks of 512 bytes. On a tmpfs they are none.
func (r *running) written() int64 {
	return r.cmd.ProcessState.SysUsage().(*syscall.Rusage).Oublock * 512
}

// upload sends a file of zero bytes under a new code, as a stream.
func (r *running) upload(size int64) error {
	const boundary = "batas4711"
	field := func(name, value string) string {
		return "--" + boundary + "\r\nContent-Disposition: form-data; name=" + name + "\r\n\r\n" + value
	}
	head := field(`"code"`, receipt.New().Field()+"\r\n") + field(`"n"`, "0\r\n") + field(`"file"; filename="a.jpg"`, "")
	tail := "\r\n--" + boundary + "--\r\n"
	body := io.MultiReader(strings.NewReader(head), io.LimitReader(zeros{}, size), strings.NewReader(tail))
	request, err := http.NewRequest(http.MethodPost, r.url+"file", body)
	if err != nil {
		return err
	}
	request.ContentLength = int64(len(head)) + size + int64(len(tail))
	request.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !bytes.Contains(page, []byte("sudah kami terima.")) {
		return fmt.Errorf("the file is not kept: %s, %v", resp.Status, err)
	}
	return nil
}

// handIn brings a payload of zero bytes under a new code.
func (r *running) handIn(size int64) error {
	code := receipt.New()
	head := parcel.Head{ID: code.ItemID(0), Burn: code.Burn(0).Hash(), Roster: 1, Size: size}
	for range 3 {
		head.Slots = append(head.Slots, make([]byte, item.SlotSize(roster.Quorum{Needed: 1})))
	}
	failed := func(err error) { r.b.Error(err) }
	s := deliver.Sender{Client: http.DefaultClient, URL: strings.TrimSuffix(r.url, "/"), Failed: failed}
	outcome, err := s.SendParcel(r.b.Context(), head, func(w io.Writer) (int64, error) {
		return io.CopyN(w, zeros{}, size)
	})
	if err == nil && outcome != deliver.Kept {
		err = fmt.Errorf("outcome %d", outcome)
	}
	return err
}
