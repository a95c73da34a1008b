# `lockgate serve` in a container, configured by LOCKGATE_… variables or by a config file in /srv/lockgate.
#
#   docker build -t lockgate .
#   docker run -p 8787:8787 -v lockgate:/srv/lockgate/.lockgate --env-file .env lockgate
FROM node:24-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY . .
# The image needs no types.
RUN npm run build -- --no-dts && npm pack --pack-destination /

FROM node:24-slim
# The drivers of stores: the proxy itself needs none of them.
RUN --mount=type=bind,from=build,source=/,target=/from \
  npm install --global --ignore-scripts --no-audit --no-fund /from/lockgate-*.tgz ioredis@5 pg@8 db0@0.4 && \
  install --directory --owner=node /srv/lockgate /srv/lockgate/.lockgate
USER node
WORKDIR /srv/lockgate
ENV HOST=0.0.0.0 PORT=8787
EXPOSE 8787
HEALTHCHECK CMD ["lockgate", "health"]
ENTRYPOINT ["lockgate"]
CMD ["serve"]
