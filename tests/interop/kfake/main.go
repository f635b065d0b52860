// Command kfake serves franz-go's in-memory Kafka cluster on free ports of the loopback interface.
//
// It prints the brokers' addresses, separated by commas, as one line on standard output, and serves
// until it is killed. Topics are not created by themselves.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	cluster, err := kfake.NewCluster(kfake.NumBrokers(3))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(strings.Join(cluster.ListenAddrs(), ","))
	select {}
}
