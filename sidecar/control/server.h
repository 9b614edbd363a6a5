// The control socket at work: many clients, none of which can hold up, crowd out or harm another, or the
// probes.
//
// A client is
//
//   reading    bytes come until a whole request is there. Several may be sent ahead, up to the limit.
//   waiting    a request is there; it is answered in turn, and while requests have used up their share of the
//              loop's time, later. One request a client at a time.
//   replying   the reply is sent as fast as the client reads; nothing more of it is read as a request meanwhile.
//   watching   it asked for a stream: what is published is sent to it, until it closes. One that lets too much of it
//              pile up, or takes none for too long, is dropped.
//   awaiting   its request takes time, and finish() will answer it.
//   closing    the last reply was to something that is no request. What still comes is thrown away, so that the
//              client can read that reply; then the connection ends.
//
// In every state the client has a deadline (ControlLimits) and may close, which drops it at once; requests
// that were sent whole before its end of file are still answered, but what would change something is not carried out
// once it has closed.
//
// Who may change things comes first. He has places of his own, his requests are heard before all others and in time of his own,
// what others leave unread takes nothing from him, and a descriptor is kept for him. Of those who may only look each user has his
// share: of the places, of what may wait to be read, and of the turns (places.h, turns.h). When there is no room, the client that
// has been still the longest goes, of the user who has the most.
//
// The server knows no command: it hands requests to a VarlinkService. The Loop must outlive it.
#pragma once

#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sidecar/control/places.h"
#include "sidecar/control/socket.h"
#include "sidecar/control/turns.h"
#include "sidecar/os/fd.h"
#include "sidecar/os/loop.h"
#include "sidecar/varlink/service.h"

namespace herald {

// The figures are for tests to shorten; the daemon takes them as they are.
struct ControlLimits {
  std::size_t clients = 320;
  std::size_t lookers = 256;       // of them, who may only look
  std::size_t of_one_looker = 64;  // of one user
  std::size_t request_bytes = 65536;
  // Of all clients; of one it is kMostReplyBytes. Half of it may be of those who may only look, a quarter of one user of them.
  std::size_t unsent_bytes = 16 * kMostReplyBytes;
  std::size_t watcher_bytes = 131072;  // unsent, of one that is watching
  Duration idle = std::chrono::minutes(5);
  Duration half_request = std::chrono::seconds(10);  // from its first byte to its last
  Duration slow_reader = std::chrono::seconds(10);   // without any progress
  Duration whole_reply = std::chrono::seconds(60);   // to one who is no watcher, however it progresses
  Duration closing = std::chrono::seconds(1);
  Duration accept_pause = std::chrono::milliseconds(100);  // when the kernel has no descriptors
  // Requests of those who may only look take about `share` of every `window` of the loop's time, and so do those of the others.
  // Everybody on the machine may ask for the status, and probes have deadlines.
  Duration window = std::chrono::milliseconds(100);
  Duration share = std::chrono::milliseconds(25);
};

class ControlServer {
 public:
  // The error is a line for people.
  static std::expected<std::unique_ptr<ControlServer>, std::string> start(Loop& loop, ControlSocket socket,
                                                                          VarlinkService service,
                                                                          ControlLimits limits = {});
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  ~ControlServer() = default;

  // While `is_short` says that there are hardly any descriptors, no more of those come who may only look.
  void turn_lookers_away_while(std::function<bool()> is_short) { is_short_ = std::move(is_short); }

  // To all who are watching.
  void publish(const nlohmann::ordered_json& parameters);
  // Answers a call whose course is `later`, if the client still waits for it.
  void finish(std::uint64_t client, const VarlinkReply& reply);

  [[nodiscard]] const std::optional<std::string>& warning() const { return socket_.warning(); }
  [[nodiscard]] std::size_t client_count() const { return clients_.size(); }

 private:
  using ClientId = std::uint64_t;  // never used twice, so that nothing stale finds a newer client
  struct Client {
    Client(ClientId its_id, Fd its_fd, VarlinkPeer its_peer, std::size_t limit, TimePoint now)
        : id(its_id), fd(std::move(its_fd)), peer(its_peer), input(limit), since(now) {}

    [[nodiscard]] bool is_replying() const { return sent < output.size(); }
    [[nodiscard]] bool is_busy() const { return waiting || watching || awaiting; }

    ClientId id;
    Fd fd;
    VarlinkPeer peer;
    FrameBuffer input;
    std::string output;
    std::size_t sent = 0;
    TimePoint since;  // of what its deadline is counted from
    TimePoint reply_begun{};
    bool waiting = false;
    bool watching = false;
    bool awaiting = false;
    bool closing = false;
    bool shut = false;  // our side of a closing connection
    bool at_end = false;
    Source source;
  };

  ControlServer(Loop& loop, ControlSocket socket, VarlinkService service, ControlLimits limits);

  void accept_clients();
  void admit(Fd fd);
  void make_room(ClientId newcomer);
  [[nodiscard]] bool accept_by_the_spare();
  void keep_spare();
  [[nodiscard]] std::vector<Holding> places() const;
  [[nodiscard]] std::vector<Holding> unsent() const;
  void drop(ClientId id);

  void on_ready(ClientId id, std::uint32_t events);
  [[nodiscard]] bool receive(Client& client);
  [[nodiscard]] bool send(Client& client);
  void reply(Client& client, VarlinkAnswer answer);
  void serve_waiting();
  void serve(ClientId id);
  [[nodiscard]] std::optional<TimePoint> serve_round(bool first);
  struct Share {
    TimePoint begun{};
    Duration used{};
  };
  [[nodiscard]] std::optional<TimePoint> rest_until(Share& share) const;
  // After anything happened to a client: what it waits for now, and until when.
  void settle(ClientId id);
  [[nodiscard]] std::uint32_t interest(const Client& client) const;
  [[nodiscard]] TimePoint deadline(const Client& client) const;
  void sweep();

  Loop& loop_;
  ControlSocket socket_;
  VarlinkService service_;
  ControlLimits limits_;
  ClientId last_id_ = 0;
  Turns turns_;
  Share first_share_;
  Share other_share_;
  std::function<bool()> is_short_;
  Fd spare_;                                 // for one who may change things to come in by
  TimePoint next_sweep_ = TimePoint::max();  // not later than any client's deadline
  std::map<ClientId, Client> clients_;
  Source sweep_timer_;
  Source share_timer_;
  Source accept_timer_;
  Source listener_;
};

}  // namespace herald
