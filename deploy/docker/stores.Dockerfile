# PostgreSQL and Redis from Debian's packages, for clusters and machines that have none of their own:
# docker build -f deploy/docker/stores.Dockerfile --target postgres . (`make images` builds both). They run as nobody in particular.
ARG BASE=debian:12-slim

FROM ${BASE} AS postgres
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql-common && \
    echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf && \
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends postgresql-15 && \
    rm -rf /var/lib/apt/lists/* && mkdir -p /var/lib/postgresql && chown 65532:65532 /var/lib/postgresql && \
    printf 'boxoffice:x:65532:65532::/var/lib/postgresql:/sbin/nologin\n' >>/etc/passwd
COPY deploy/docker/postgres.sh /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/postgres.sh"]

FROM ${BASE} AS redis
RUN apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends redis-server && \
    rm -rf /var/lib/apt/lists/* && mkdir -p /var/lib/redis && chown 65532:65532 /var/lib/redis
COPY deploy/docker/redis.sh /usr/local/bin/
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/redis.sh"]
