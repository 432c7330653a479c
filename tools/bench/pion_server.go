// A minimal WHIP/WHEP server on Pion, as Broadcast Box and go-live forward media, to compare with.
//
// `pion_server PORT` serves `/whip/{room}` and `/whep/{room}` on loopback, and media on UDP of the same port.
// Built as tools/bench/pion.py does, from Debian's golang-go and golang-github-pion-webrtc.v3-dev.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v3"
)

const (
	host     = "127.0.0.1"
	patience = 5 * time.Second
)

type room struct {
	began     chan struct{} // closed when the first packet has come: Pion knows the track from then on
	track     *webrtc.TrackLocalStaticRTP
	publisher *webrtc.PeerConnection
	ssrc      uint32
}

type server struct {
	api      *webrtc.API
	mutex    sync.Mutex
	rooms    map[string]*room
	sessions map[string]*webrtc.PeerConnection
}

func newAPI(port int) (*webrtc.API, error) {
	media := &webrtc.MediaEngine{}
	if err := media.RegisterDefaultCodecs(); err != nil {
		return nil, err
	}
	interceptors := &interceptor.Registry{} // NACK both ways, and reports: what ours has on, too
	if err := webrtc.RegisterDefaultInterceptors(media, interceptors); err != nil {
		return nil, err
	}
	connection, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host), Port: port})
	if err != nil {
		return nil, err
	}
	settings := webrtc.SettingEngine{}
	settings.SetICEUDPMux(webrtc.NewICEUDPMux(nil, connection))
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	settings.SetLite(true)
	return webrtc.NewAPI(
		webrtc.WithMediaEngine(media),
		webrtc.WithInterceptorRegistry(interceptors),
		webrtc.WithSettingEngine(settings),
	), nil
}

func (s *server) publish(name string, connection *webrtc.PeerConnection) error { // as `play`, but cannot fail
	published := &room{began: make(chan struct{}), publisher: connection}
	s.mutex.Lock()
	s.rooms[name] = published
	s.mutex.Unlock()
	connection.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if remote.Kind() != webrtc.RTPCodecTypeVideo {
			return
		}
		local, err := webrtc.NewTrackLocalStaticRTP(remote.Codec().RTPCodecCapability, "video", name)
		if err != nil {
			log.Print(err)
			return
		}
		published.track, published.ssrc = local, uint32(remote.SSRC())
		close(published.began)
		for {
			packet, _, err := remote.ReadRTP()
			if err != nil {
				return
			}
			if err := local.WriteRTP(packet); err != nil && err != io.ErrClosedPipe {
				log.Print(err)
				return
			}
		}
	})
	return nil
}

func (s *server) play(name string, connection *webrtc.PeerConnection) error {
	s.mutex.Lock()
	source := s.rooms[name]
	s.mutex.Unlock()
	if source == nil {
		return fmt.Errorf("no such room")
	}
	select {
	case <-source.began:
	case <-time.After(patience):
		return fmt.Errorf("no media in this room")
	}
	sender, err := connection.AddTrack(source.track)
	if err != nil {
		return err
	}
	go func() {
		for {
			packets, _, err := sender.ReadRTCP()
			if err != nil {
				return
			}
			for _, packet := range packets {
				if _, wants := packet.(*rtcp.PictureLossIndication); wants {
					request := []rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: source.ssrc}}
					_ = source.publisher.WriteRTCP(request)
				}
			}
		}
	}()
	return nil
}

func (s *server) answer(
	writer http.ResponseWriter, request *http.Request, attach func(string, *webrtc.PeerConnection) error,
) error {
	offer, err := io.ReadAll(request.Body)
	if err != nil {
		return err
	}
	connection, err := s.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return err
	}
	name := request.URL.Path[strings.LastIndex(request.URL.Path, "/")+1:]
	if err := attach(name, connection); err != nil {
		_ = connection.Close()
		return err
	}
	description := webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: string(offer)}
	if err := connection.SetRemoteDescription(description); err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(connection)
	answer, err := connection.CreateAnswer(nil)
	if err != nil {
		return err
	}
	if err := connection.SetLocalDescription(answer); err != nil {
		return err
	}
	<-gathered
	s.mutex.Lock()
	session := fmt.Sprintf("/sessions/%p", connection)
	s.sessions[session] = connection
	s.mutex.Unlock()
	writer.Header().Set("Content-Type", "application/sdp")
	writer.Header().Set("Location", session)
	writer.WriteHeader(http.StatusCreated)
	_, err = io.WriteString(writer, connection.LocalDescription().SDP)
	return err
}

func (s *server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	var err error
	switch path := request.URL.Path; {
	case request.Method == http.MethodDelete:
		s.mutex.Lock()
		connection := s.sessions[path]
		delete(s.sessions, path)
		s.mutex.Unlock()
		if connection != nil {
			err = connection.Close()
		}
	case strings.HasPrefix(path, "/whip/"):
		err = s.answer(writer, request, s.publish)
	case strings.HasPrefix(path, "/whep/"):
		err = s.answer(writer, request, s.play)
	}
	if err != nil {
		http.Error(writer, err.Error(), http.StatusNotFound)
	}
}

func main() {
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	api, err := newAPI(port)
	if err != nil {
		log.Fatal(err)
	}
	handler := &server{api: api, rooms: map[string]*room{}, sessions: map[string]*webrtc.PeerConnection{}}
	log.Fatal(http.ListenAndServe(fmt.Sprintf("%s:%d", host, port), handler))
}
